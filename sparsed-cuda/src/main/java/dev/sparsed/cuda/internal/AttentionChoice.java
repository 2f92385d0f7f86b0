package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.kernel.AttentionKernels;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.SimtAttention;
import dev.sparsed.spi.DType;

/** Which attention kernels serve which shapes, and why. */
enum AttentionChoice {
    /** Any shape, float32 arithmetic. */
    SIMT("float32 arithmetic without tensor cores") {
        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new SimtAttention(modules, stream, dtype, headDim);
        }
    };

    private final String description;

    AttentionChoice(String description) {
        this.description = description;
    }

    /**
     * The fastest kernels for dense attention.
     *
     * @param dtype type of the activations
     * @param headDim features of a head
     * @return the choice
     */
    static AttentionChoice dense(DType dtype, int headDim) {
        return SIMT;
    }

    /**
     * The fastest kernels for block-sparse attention and selection.
     *
     * @param dtype type of the activations
     * @param headDim features of a head
     * @param blockSize B
     * @return the choice
     */
    static AttentionChoice sparse(DType dtype, int headDim, int blockSize) {
        return SIMT;
    }

    /**
     * {@return what a user is told}
     *
     * @param dtype type of the activations
     */
    static String summary(DType dtype) {
        return "attention: " + SIMT.description;
    }

    /**
     * Opens the kernels.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of the activations
     * @param headDim features of a head
     * @return the kernels; the caller closes them
     */
    abstract AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim);
}
