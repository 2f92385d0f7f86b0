/**
 * The kernels in {@code jdk.incubator.vector}, one class per kernel family, tested against {@link dev.sparsed.internal.scalar}.
 */
@NullMarked
package dev.sparsed.internal.vector;

import org.jspecify.annotations.NullMarked;
