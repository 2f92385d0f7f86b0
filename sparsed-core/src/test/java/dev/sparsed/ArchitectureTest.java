package dev.sparsed;

import static com.tngtech.archunit.core.domain.JavaModifier.PROTECTED;
import static com.tngtech.archunit.core.domain.JavaModifier.PUBLIC;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaField;
import com.tngtech.archunit.core.domain.JavaMember;
import com.tngtech.archunit.core.domain.JavaType;
import com.tngtech.archunit.core.domain.properties.HasModifiers;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may know whom in this module. */
class ArchitectureTest {

    private static final String[] PUBLIC_PACKAGES = {
        "dev.sparsed",
        "dev.sparsed.attention",
        "dev.sparsed.diffusion",
        "dev.sparsed.natives",
        "dev.sparsed.spi",
        "dev.sparsed.text"
    };

    private static Path root;
    private static JavaClasses module;

    @BeforeAll
    static void readClassFiles() throws Exception {
        root = Path.of(BackendInfo.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        module = new ClassFileImporter().importPath(root);
    }

    /** ArchUnit skips, with no more than a log line, class files newer than it knows. */
    @Test
    void noClassFileIsSkipped() throws IOException {
        try (Stream<Path> files = Files.walk(root)) {
            assertThat(module.size())
                    .isEqualTo(files.map(Path::toString)
                            .filter(file -> file.endsWith(".class") && !file.endsWith("module-info.class"))
                            .count());
        }
    }

    @Test
    void coreKnowsNeitherCudaNorBench() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("dev.sparsed.cuda..", "dev.sparsed.bench..", "jcuda..")
                .check(module);
    }

    @Test
    void onlyTheVectorKernelsUseTheVectorApi() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.internal.vector..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jdk.incubator.vector..")
                .check(module);
    }

    @Test
    void onlyTheTextPackageUsesTheTextLibraries() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.text..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ai.djl..", "com.hubspot..")
                .check(module);
    }

    @Test
    void scalarAndVectorKernelsKnowNothingOfEachOther() {
        noClasses()
                .that()
                .resideInAPackage("dev.sparsed.internal.scalar..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.internal.vector..")
                .check(module);
        noClasses()
                .that()
                .resideInAPackage("dev.sparsed.internal.vector..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.internal.scalar..")
                .check(module);
    }

    @Test
    void publicSignaturesShowNoInternalTypes() {
        classes()
                .that()
                .resideInAnyPackage(PUBLIC_PACKAGES)
                .should(showNoInternalTypes())
                .check(module);
    }

    @Test
    void onlyPublicPackagesAreExported() throws IOException {
        classes()
                .that()
                .resideOutsideOfPackages(PUBLIC_PACKAGES)
                .should()
                .resideInAPackage("dev.sparsed.internal..")
                .check(module);
        try (var in = Files.newInputStream(root.resolve("module-info.class"))) {
            assertThat(ModuleDescriptor.read(in).exports())
                    .isNotEmpty()
                    .extracting(ModuleDescriptor.Exports::source)
                    .isSubsetOf(PUBLIC_PACKAGES);
        }
    }

    @Test
    void theLibraryNeverPrintsNorExits() {
        noClasses()
                .should(ACCESS_STANDARD_STREAMS)
                .orShould()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(module);
    }

    private static ArchCondition<JavaClass> showNoInternalTypes() {
        return new ArchCondition<>("show no internal types in public signatures") {
            @Override
            public void check(JavaClass type, ConditionEvents events) {
                if (!isVisible(type)) {
                    return;
                }
                Stream<JavaType> ofType = Stream.concat(
                        type.getSuperclass().stream(),
                        Stream.concat(type.getInterfaces().stream(), type.getTypeParameters().stream()));
                Stream<JavaType> ofMembers = type.getMembers().stream()
                        .filter(ArchitectureTest::isVisible)
                        .flatMap(ArchitectureTest::signature);
                Stream.concat(ofType, ofMembers)
                        .flatMap(shown -> shown.getAllInvolvedRawTypes().stream())
                        .filter(shown -> shown.getPackageName().startsWith("dev.sparsed.internal"))
                        .forEach(shown -> events.add(SimpleConditionEvent.violated(
                                type, type.getName() + " shows " + shown.getName() + " to its users")));
            }
        };
    }

    private static Stream<? extends JavaType> signature(JavaMember member) {
        return switch (member) {
            case JavaField field -> Stream.of(field.getType());
            case JavaCodeUnit method ->
                Stream.of(
                                Stream.of(method.getReturnType()),
                                method.getParameterTypes().stream(),
                                method.getExceptionTypes().stream(),
                                method.getTypeParameters().stream())
                        .flatMap(types -> types);
            default -> throw new IllegalStateException("neither field nor method: " + member);
        };
    }

    private static boolean isVisible(HasModifiers declaration) {
        return declaration.getModifiers().contains(PUBLIC)
                || declaration.getModifiers().contains(PROTECTED);
    }
}
