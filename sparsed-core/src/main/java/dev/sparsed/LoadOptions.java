package dev.sparsed;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How to load a model.
 *
 * @param backend {@code "auto"} for the fastest backend that runs here, or the name of one to require:
 *     {@code "amx"}, {@code "vector"}, {@code "scalar"}, {@code "cuda"}
 * @param threads threads that work on one operation, 0 … {@value #MAX_THREADS}; 0 for as many as there are processors
 * @param contextLength the longest canvas (prompt and generation) to prepare for, 0 … {@value #MAX_CONTEXT}; 0 for what the
 *     checkpoint says
 * @param dtype what a GPU or AMX computes in, {@link DType#F32} or {@link DType#BF16}; null for F32 where the checkpoint's
 *     weights are F32, else BF16. The other backends on the CPU compute in F32.
 * @param quantization what the linear layers' weights are rounded to beyond that; {@link Quantization#FP8} needs a GPU
 *     that multiplies 8-bit floats, {@link Quantization#INT8} a processor with AMX, and either a dtype of BF16, which
 *     null then stands for
 */
public record LoadOptions(
        String backend,
        int threads,
        int contextLength,
        @Nullable DType dtype,
        Quantization quantization) {

    /** Most threads: more than any machine has processors, few enough to start. */
    private static final int MAX_THREADS = 1 << 12;

    /** The longest canvas in tokens, also of what a checkpoint's config.json says. */
    public static final int MAX_CONTEXT = 1 << 24;

    /** The fastest backend, all processors, the checkpoint's context length, no quantization. */
    public static final LoadOptions DEFAULT = new LoadOptions("auto", 0, 0, null, Quantization.NONE);

    /** Checks the ranges. */
    public LoadOptions {
        Objects.requireNonNull(backend, "backend");
        Objects.requireNonNull(quantization, "quantization");
        if (threads < 0 || threads > MAX_THREADS) {
            throw new IllegalArgumentException(
                    "threads = " + threads + ": must be 1 ... " + MAX_THREADS + ", or 0 for all processors");
        }
        if (contextLength < 0 || contextLength > MAX_CONTEXT) {
            throw new IllegalArgumentException("contextLength = " + contextLength + ": must be 1 ... " + MAX_CONTEXT
                    + ", or 0 for the checkpoint's");
        }
        if (dtype != null && dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("dtype = " + dtype + ": must be F32 or BF16");
        }
        if (quantization != Quantization.NONE && dtype == DType.F32) {
            throw new IllegalArgumentException(
                    "quantization = " + quantization + " with dtype = F32: " + quantization + " needs BF16");
        }
    }

    /**
     * Requires a backend.
     *
     * @param name its name, or {@code "auto"}
     * @return the changed options
     */
    public LoadOptions withBackend(String name) {
        return new LoadOptions(name, threads, contextLength, dtype, quantization);
    }

    /**
     * Sets the number of threads.
     *
     * @param count 1 … {@value #MAX_THREADS}, or 0 for all processors
     * @return the changed options
     */
    public LoadOptions withThreads(int count) {
        return new LoadOptions(backend, count, contextLength, dtype, quantization);
    }

    /**
     * Prepares for another context length than the checkpoint says. Beyond the length a model was trained on, its
     * answers get worse.
     *
     * @param tokens 1 … {@value #MAX_CONTEXT}, or 0 for the checkpoint's; each takes 4 · headDim bytes for its angles
     * @return the changed options
     */
    public LoadOptions withContextLength(int tokens) {
        return new LoadOptions(backend, threads, tokens, dtype, quantization);
    }

    /**
     * Sets what a GPU or AMX computes in.
     *
     * @param type F32 or BF16; null to follow the checkpoint
     * @return the changed options
     */
    public LoadOptions withDtype(@Nullable DType type) {
        return new LoadOptions(backend, threads, contextLength, type, quantization);
    }

    /**
     * Rounds the linear layers' weights further, on a backend that can; loading fails on any other.
     *
     * @param kind how
     * @return the changed options
     */
    public LoadOptions withQuantization(Quantization kind) {
        return new LoadOptions(backend, threads, contextLength, dtype, kind);
    }
}
