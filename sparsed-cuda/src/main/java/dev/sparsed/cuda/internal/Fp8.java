package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.Fp8Blas;
import dev.sparsed.cuda.internal.kernel.HopperAttention;
import dev.sparsed.cuda.internal.kernel.HopperFp8Attention;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.cuda.internal.kernel.Quantizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What linear layers and attention in 8-bit floats take, on one stream. */
final class Fp8 implements AutoCloseable {

    /** Which block-sparse attention is computed in 8-bit floats. */
    enum Attention {
        /** None. */
        NEVER,
        /** Where it pays: quantizing all keys and values takes as long as it saves with some 4,000 query rows at a share of 0.3. */
        MANY_ROWS,
        /** Every one that there is a kernel for. */
        ALWAYS;

        private static final String PROPERTY = "sparsed.cuda.fp8.attention";
        private static final int FEWEST_ROWS = 4096;

        /**
         * {@return what the system property {@code sparsed.cuda.fp8.attention} asks for: {@code never}, {@code always}, or nothing}
         *
         * @throws IllegalArgumentException if it is something else
         */
        static Attention requested() {
            String value = System.getProperty(PROPERTY, "");
            return switch (value) {
                case "" -> MANY_ROWS;
                case "never" -> NEVER;
                case "always" -> ALWAYS;
                default ->
                    throw new IllegalArgumentException(
                            PROPERTY + " = " + value + ": never, always, or not set, for many rows");
            };
        }

        /**
         * {@return whether 8-bit floats are to be used}
         *
         * @param capability the device's compute capability, 10 × major + minor
         * @param headDim features of a head
         * @param blockSize B
         * @param rows query rows
         */
        boolean serves(int capability, int headDim, int blockSize, int rows) {
            return capability == HopperAttention.COMPUTE_CAPABILITY
                    && HopperFp8Attention.serves(headDim, blockSize)
                    && (this == ALWAYS || this == MANY_ROWS && rows >= FEWEST_ROWS);
        }

        /**
         * {@return what a user is told, or nothing}
         *
         * @param capability the device's compute capability, 10 × major + minor
         */
        String summary(int capability) {
            if (this == NEVER || capability != HopperAttention.COMPUTE_CAPABILITY) {
                return "";
            }
            String steps = "; block-sparse steps with blocks of 128 in 8-bit floats (e4m3)";
            return this == ALWAYS ? steps : steps + " from " + FEWEST_ROWS + " rows on";
        }
    }

    final Fp8Blas blas;
    final Quantizer quantizer;

    private final KernelModules modules;
    private final CudaStream stream;
    private final Attention attention = Attention.requested();
    private final int capability;
    private final Map<Integer, HopperFp8Attention> kernels = new HashMap<>();

    /**
     * Opens it.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @throws dev.sparsed.BackendUnavailableException if the device, or the cuBLASLt here, has no products of 8-bit floats
     */
    Fp8(KernelModules modules, CudaStream stream) {
        this.modules = modules;
        this.stream = stream;
        this.capability = AttentionChoice.capability(modules.device());
        blas = new Fp8Blas(stream);
        try {
            quantizer = new Quantizer(modules, stream);
        } catch (Throwable e) {
            blas.close();
            throw e;
        }
    }

    /** {@return whether a matrix can be quantized; cuBLASLt wants both sizes to be multiples of 16} */
    static boolean serves(int rows, int columns) {
        return rows % Fp8Blas.ALIGNMENT == 0 && columns % QuantizedTensor.ALIGNMENT == 0;
    }

    /** {@return what a user is told about attention, or nothing} */
    String attentionSummary() {
        return attention.summary(capability);
    }

    /**
     * {@return the kernels for block-sparse attention in 8-bit floats, or null where others are to be used}
     *
     * @param headDim features of a head
     * @param blockSize B
     * @param rows query rows
     */
    @Nullable
    HopperFp8Attention attention(int headDim, int blockSize, int rows) {
        return attention.serves(capability, headDim, blockSize, rows)
                ? kernels.computeIfAbsent(headDim, dim -> new HopperFp8Attention(modules, stream, dim))
                : null;
    }

    @Override
    public void close() {
        List<AutoCloseable> everything = new ArrayList<>(List.of(blas, quantizer));
        everything.addAll(kernels.values());
        Closing.all(everything);
    }
}
