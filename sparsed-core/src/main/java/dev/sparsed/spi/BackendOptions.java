package dev.sparsed.spi;

import dev.sparsed.BackendUnavailableException;
import java.util.Objects;
import java.util.Set;

/**
 * How to open a backend.
 *
 * @param threads threads that work on one operation, ≥ 1; backends off the CPU ignore it
 * @param dtype what activations and matrix products are computed in: F32 or BF16; the backends on the CPU compute in F32 whatever this says
 * @param quantization what {@link Backend#uploadLinear} rounds weights to; a backend that cannot refuses to open
 */
public record BackendOptions(int threads, DType dtype, Quantization quantization) {

    /** Checks the ranges. */
    public BackendOptions {
        if (threads < 1) {
            throw new IllegalArgumentException("threads = " + threads + ": must be at least 1");
        }
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("dtype = " + dtype + ": must be F32 or BF16");
        }
        Objects.requireNonNull(quantization, "quantization");
        if (quantization != Quantization.NONE && dtype != DType.BF16) {
            throw new IllegalArgumentException(
                    "quantization = " + quantization + " with dtype = " + dtype + ": " + quantization + " needs BF16");
        }
    }

    /**
     * Options without quantization.
     *
     * @param threads threads that work on one operation, ≥ 1
     * @param dtype F32 or BF16
     */
    public BackendOptions(int threads, DType dtype) {
        this(threads, dtype, Quantization.NONE);
    }

    /**
     * Refuses what a backend has no quantization for.
     *
     * @param backend the backend's name
     * @param offered what it has beside {@link Quantization#NONE}
     * @throws BackendUnavailableException if another one is asked for
     */
    public void requireQuantization(String backend, Set<Quantization> offered) {
        if (quantization != Quantization.NONE && !offered.contains(quantization)) {
            throw new BackendUnavailableException("the " + backend + " backend has no quantization " + quantization
                    + ": it needs the "
                    + (quantization == Quantization.FP8
                            ? "cuda backend on a GPU of compute capability 8.9 or later"
                            : "amx backend on a Xeon of 2023 or later")
                    + "; load without quantization");
        }
    }
}
