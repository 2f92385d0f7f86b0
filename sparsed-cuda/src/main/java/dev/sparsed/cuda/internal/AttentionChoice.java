package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaAvailability;
import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.kernel.AttentionKernels;
import dev.sparsed.cuda.internal.kernel.FlashAttention;
import dev.sparsed.cuda.internal.kernel.HopperAttention;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.SimtAttention;
import dev.sparsed.spi.DType;
import java.util.stream.Stream;

/** Which attention kernels serve which shapes: the first that do, in this order. */
enum AttentionChoice {
    /** Hopper's tensor cores, bf16. */
    HOPPER {
        @Override
        boolean serves(int capability, DType dtype, int headDim) {
            return capability == HopperAttention.COMPUTE_CAPABILITY
                    && dtype == DType.BF16
                    && HopperAttention.serves(headDim);
        }

        @Override
        boolean serves(int capability, DType dtype, int headDim, int blockSize, int blocks) {
            return serves(capability, dtype, headDim)
                    && HopperAttention.serves(headDim, blockSize)
                    && HopperAttention.hasRoomFor(blocks);
        }

        @Override
        boolean selectsBy(SelectionRule rule) {
            return rule instanceof RatioRule;
        }

        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new HopperAttention(modules, stream, headDim);
        }
    },
    /** The tensor cores of any GPU since Ampere, bf16. */
    FLASH {
        @Override
        boolean serves(int capability, DType dtype, int headDim) {
            return dtype == DType.BF16 && FlashAttention.serves(headDim);
        }

        @Override
        boolean serves(int capability, DType dtype, int headDim, int blockSize, int blocks) {
            return dtype == DType.BF16 && FlashAttention.serves(headDim, blockSize);
        }

        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new FlashAttention(modules, stream, headDim);
        }
    },
    /** Any shape, float32 arithmetic. */
    SIMT {
        @Override
        boolean serves(int capability, DType dtype, int headDim) {
            return true;
        }

        @Override
        boolean serves(int capability, DType dtype, int headDim, int blockSize, int blocks) {
            return true;
        }

        @Override
        AttentionKernels open(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
            return new SimtAttention(modules, stream, dtype, headDim);
        }
    };

    /** {@code portable} keeps Hopper's own kernels from being used, to compare them or to rule them out. */
    private static final String PROPERTY = "sparsed.cuda.attention";

    /**
     * {@return the compute capability to choose by: the device's, or that of the oldest device if the system property
     *     {@code sparsed.cuda.attention} is {@code portable}}
     *
     * @param device the device
     */
    static int capability(CudaDevice device) {
        return System.getProperty(PROPERTY, "").equals("portable")
                ? CudaAvailability.OLDEST_COMPUTE_CAPABILITY
                : device.computeCapability();
    }

    /**
     * The kernels for dense attention.
     *
     * @param capability the device's compute capability, 10 × major + minor
     * @param dtype type of the activations
     * @param headDim features of a head
     * @return the choice
     */
    static AttentionChoice dense(int capability, DType dtype, int headDim) {
        return Stream.of(values())
                .filter(choice -> choice.serves(capability, dtype, headDim))
                .findFirst()
                .orElseThrow();
    }

    /**
     * The kernels for block-sparse attention.
     *
     * @param capability the device's compute capability, 10 × major + minor
     * @param dtype type of the activations
     * @param headDim features of a head
     * @param blockSize B
     * @param blocks n
     * @return the choice
     */
    static AttentionChoice sparse(int capability, DType dtype, int headDim, int blockSize, int blocks) {
        return Stream.of(values())
                .filter(choice -> choice.serves(capability, dtype, headDim, blockSize, blocks))
                .findFirst()
                .orElseThrow();
    }

    /**
     * The kernels for dense attention that selects.
     *
     * @param capability the device's compute capability, 10 × major + minor
     * @param dtype type of the activations
     * @param headDim features of a head
     * @param rule the canvas, its blocks and the budgets
     * @return the choice
     */
    static AttentionChoice selecting(int capability, DType dtype, int headDim, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        return Stream.of(values())
                .filter(choice -> choice.selectsBy(rule)
                        && choice.serves(capability, dtype, headDim, layout.blockSize(), layout.blocks()))
                .findFirst()
                .orElseThrow();
    }

    /**
     * {@return what a user is told}
     *
     * @param capability the device's compute capability, 10 × major + minor
     * @param dtype type of the activations
     */
    static String summary(int capability, DType dtype) {
        if (dtype == DType.F32) {
            return "attention in float32 without tensor cores, which have no float32";
        }
        String kernels = capability == HopperAttention.COMPUTE_CAPABILITY
                ? "Hopper's kernels (wgmma, tensor maps)"
                : "the portable kernels (mma.sync): those for Hopper run on compute capability 9.0 alone";
        return "attention by " + kernels + " for head dimensions 64 and 128 with blocks of 32, 64 and 128;"
                + " any other shape without tensor cores, 20 times slower or more";
    }

    /** {@return whether these kernels know the rule} */
    boolean selectsBy(SelectionRule rule) {
        return true;
    }

    abstract boolean serves(int capability, DType dtype, int headDim);

    abstract boolean serves(int capability, DType dtype, int headDim, int blockSize, int blocks);

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
