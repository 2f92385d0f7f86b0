package dev.sparsed.bench;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.sparsed");

    @Test
    void onlyCoreItselfUsesItsInternals() {
        noClasses()
                .that()
                .resideInAnyPackage("dev.sparsed.bench..", "dev.sparsed.cuda..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.internal..")
                .check(CLASSES);
    }

    @Test
    void nobodyUsesBench() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.bench..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.bench..")
                .check(CLASSES);
    }

    @Test
    void cudaIsReachedThroughTheServiceLoaderOnly() {
        noClasses()
                .that()
                .resideOutsideOfPackage("dev.sparsed.cuda..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("dev.sparsed.cuda..")
                .check(CLASSES);
    }
}
