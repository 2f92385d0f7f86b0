package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.kernel.AttentionKernels;
import dev.sparsed.cuda.internal.kernel.FlashAttention;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.SimtAttention;
import dev.sparsed.spi.DType;

/** Which attention kernels serve which shapes, and why: the first that serve, in this order. */
enum AttentionChoice {
    /** Tensor cores, bf16. */
    FLASH {
        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new FlashAttention(modules, stream, headDim);
        }
    },
    /** Any shape, float32 arithmetic. */
    SIMT {
        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new SimtAttention(modules, stream, dtype, headDim);
        }
    };

    /**
     * The kernels for dense attention.
     *
     * @param dtype type of the activations
     * @param headDim features of a head
     * @return the choice
     */
    static AttentionChoice dense(DType dtype, int headDim) {
        return dtype == DType.BF16 && FlashAttention.serves(headDim) ? FLASH : SIMT;
    }

    /**
     * The kernels for block-sparse attention and selection.
     *
     * @param dtype type of the activations
     * @param headDim features of a head
     * @param blockSize B
     * @return the choice
     */
    static AttentionChoice sparse(DType dtype, int headDim, int blockSize) {
        return dtype == DType.BF16 && FlashAttention.serves(headDim, blockSize) ? FLASH : SIMT;
    }

    /**
     * {@return what a user is told}
     *
     * @param dtype type of the activations
     */
    static String summary(DType dtype) {
        return dtype == DType.F32
                ? "attention in float32 without tensor cores, which have no float32"
                : "attention on tensor cores (mma.sync) for head dimensions 64 and 128 with blocks of 32, 64 and 128;"
                        + " any other shape without them, 20 times slower or more";
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
