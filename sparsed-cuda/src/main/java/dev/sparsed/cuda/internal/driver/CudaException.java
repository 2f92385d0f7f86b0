package dev.sparsed.cuda.internal.driver;

/** CUDA or cuBLAS refused a call. */
public final class CudaException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final int code;

    /**
     * Creates it.
     *
     * @param doing what was being done, such as {@code "launching kernel rms_norm"}
     * @param name the error's name, such as {@code CUDA_ERROR_ILLEGAL_ADDRESS}
     * @param code the error's number
     * @param detail what else is known, such as a compiler's log; empty if nothing is
     */
    public CudaException(String doing, String name, int code, String detail) {
        super(doing + " failed: " + name + " (" + code + ")" + (detail.isEmpty() ? "" : ": " + detail));
        this.code = code;
    }

    /** {@return the error's number in CUDA's or cuBLAS's own list} */
    public int code() {
        return code;
    }
}
