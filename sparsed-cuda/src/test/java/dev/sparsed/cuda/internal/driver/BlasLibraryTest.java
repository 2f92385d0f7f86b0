package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BlasLibraryTest {

    @Test
    void looksWhereTheUserSaysFirst() {
        assertThat(BlasLibrary.places("/opt/a:/opt/b", "/env/x:/env/y"))
                .containsExactly(
                        "/opt/a",
                        "/opt/b",
                        "", // the system's loader
                        "/env/x",
                        "/env/y",
                        "/usr/local/cuda/lib64",
                        "/usr/local/cuda/targets/x86_64-linux/lib");
    }

    @Test
    void takesEmptyAndRepeatedFoldersForNone() {
        assertThat(BlasLibrary.places(" ", ":/env:/env::")).startsWith("", "/env", "/usr/local/cuda/lib64");
    }

    @Test
    void prefersTheOneThatJCublasKnows() {
        assertThat(BlasLibrary.values())
                .extracting(BlasLibrary::file)
                .containsExactly("libcublas.so.12", "libcublas.so.13");
    }

    @Test
    void saysWhatToInstall() {
        assertThat(BlasLibrary.NONE)
                .contains("libcublas.so.12", "libcublas.so.13", "install", "-Dsparsed.cuda.libraries=/path");
    }

    @Test
    void shapesAreChecked() {
        assertThatThrownBy(() -> new Blas.Shape(1, 0, 1, Blas.Type.F32, Blas.Type.F32))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("n = 0");
        assertThatThrownBy(() -> new Blas.Shape(1, 1, 1, Blas.Type.F32, Blas.Type.BF16))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"4, 5, 3, false", "5, 4, 3, false", "5, 5, 2, false", "5, 5, 3, true"})
    void leadingDimensionsAreChecked(int ldx, int ldw, int ldc, boolean right) {
        ThrowingCallable check = () -> Blas.requireLeading(
                new Blas.Shape(2, 3, 5, Blas.Type.BF16, Blas.Type.F32),
                new Blas.Operand(1, ldx),
                new Blas.Operand(1, ldw),
                new Blas.Operand(1, ldc));
        if (right) {
            assertThatCode(check).doesNotThrowAnyException();
        } else {
            assertThatThrownBy(check)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining(ldx + ", " + ldw + ", " + ldc);
        }
    }

    @Test
    void readsVersionNumbers() {
        assertThat(BlasSettings.description(130100, "libcublas.so.13")).isEqualTo("cuBLAS 13.1.0 (libcublas.so.13)");
        assertThat(BlasSettings.description(120605, "JCublas")).isEqualTo("cuBLAS 12.6.5 (JCublas)");
    }
}
