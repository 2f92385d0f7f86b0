package dev.sparsed.cuda.internal.driver;

import jcuda.driver.CUresult;
import jcuda.jcublas.cublasStatus;

/** Turns status codes into exceptions: every call of CUDA and of cuBLAS goes through here. */
final class Status {

    private Status() {}

    /**
     * Checks what a function of the driver returned.
     *
     * @param code its result
     * @param doing what was being done; a constant or a prepared string, since this runs on every launch
     * @throws CudaException if it is not {@code CUDA_SUCCESS}
     */
    static void check(int code, String doing) {
        if (code != CUresult.CUDA_SUCCESS) {
            throw failure(code, doing, "");
        }
    }

    static CudaException failure(int code, String doing, String detail) {
        return new CudaException(doing, CUresult.stringFor(code), code, detail);
    }

    /**
     * Checks what a function of cuBLAS returned.
     *
     * @throws CudaException if it is not {@code CUBLAS_STATUS_SUCCESS}
     */
    static void checkBlas(int code, String doing) {
        if (code != cublasStatus.CUBLAS_STATUS_SUCCESS) {
            throw new CudaException(doing, cublasStatus.stringFor(code), code, "");
        }
    }
}
