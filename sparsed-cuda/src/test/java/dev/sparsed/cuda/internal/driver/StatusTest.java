package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class StatusTest {

    @Test
    void namesTheErrorAndWhatWasBeingDone() {
        Status.check(0, "launching kernel rope");
        assertThatThrownBy(() -> Status.check(700, "launching kernel rope"))
                .isInstanceOfSatisfying(
                        CudaException.class, e -> assertThat(e.code()).isEqualTo(700))
                .hasMessage("launching kernel rope failed: CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    }

    @Test
    void namesWhatCublasSays() {
        Status.checkBlas(0, BlasSettings.MULTIPLYING);
        assertThatThrownBy(() -> Status.checkBlas(15, BlasSettings.MULTIPLYING))
                .isInstanceOf(CudaException.class)
                .hasMessage("multiplying matrices with cuBLAS failed: CUBLAS_STATUS_NOT_SUPPORTED (15)");
    }

    @Test
    void addsTheDetail() {
        assertThatThrownBy(() -> {
                    throw Status.failure(218, "loading the kernels a.ptx", "line 3: syntax error");
                })
                .hasMessage("loading the kernels a.ptx failed: CUDA_ERROR_INVALID_PTX (218): line 3: syntax error");
    }
}
