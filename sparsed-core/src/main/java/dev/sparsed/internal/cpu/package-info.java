/**
 * What the scalar and the Vector API backend share: memory, threads and argument checks. They differ in their
 * {@link dev.sparsed.internal.cpu.CpuKernels} alone.
 */
@NullMarked
package dev.sparsed.internal.cpu;

import org.jspecify.annotations.NullMarked;
