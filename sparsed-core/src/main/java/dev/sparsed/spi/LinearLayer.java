package dev.sparsed.spi;

import org.jspecify.annotations.Nullable;

/**
 * A linear layer: {@code x·weightᵀ (+ bias)}.
 *
 * @param weight {@code [out, in]}
 * @param bias {@code [1, out]} or null
 */
public record LinearLayer(Tensor weight, @Nullable Tensor bias) {}
