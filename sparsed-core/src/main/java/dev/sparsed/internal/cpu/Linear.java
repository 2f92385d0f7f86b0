package dev.sparsed.internal.cpu;

import org.jspecify.annotations.Nullable;

/**
 * A linear layer and where its result goes: {@code out = x·weightᵀ (+ bias)}.
 *
 * @param weight {@code [out, in]}
 * @param bias {@code [1, out]} or null
 * @param out {@code [rows, out]}
 */
public record Linear(Weights weight, @Nullable Matrix bias, Matrix out) {}
