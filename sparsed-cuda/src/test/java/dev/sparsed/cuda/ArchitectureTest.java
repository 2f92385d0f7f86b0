package dev.sparsed.cuda;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.sparsed.cuda");

    @Test
    void usesOfCoreOnlyItsPublicPackages() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.internal..")
                .check(CLASSES);
    }

    @Test
    void knowsNothingOfBench() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.bench..")
                .check(CLASSES);
    }

    @Test
    void neverPrintsNorExits() {
        noClasses()
                .should(ACCESS_STANDARD_STREAMS)
                .orShould()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .check(CLASSES);
    }

    @Test
    void onlyTheDriverLayerKnowsJCuda() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.cuda.internal.driver..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("jcuda..")
                .check(CLASSES);
    }

    @Test
    void onlyTheDriverLayerCallsNativeCode() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.cuda.internal.driver..")
                .should()
                .dependOnClassesThat()
                .belongToAnyOf(Linker.class, SymbolLookup.class, FunctionDescriptor.class)
                .check(CLASSES);
    }

    @Test
    void theDriverLayerKnowsNothingOfTheBackend() {
        noClasses()
                .that()
                .resideInAPackage("dev.sparsed.cuda.internal.driver..")
                .should()
                .dependOnClassesThat(resideInAnyPackage(
                        "dev.sparsed.spi..", "dev.sparsed.cuda", "dev.sparsed.cuda.internal.kernel.."))
                .check(CLASSES);
    }
}
