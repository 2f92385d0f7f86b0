/**
 * The CPU's matrix unit, Intel's Advanced Matrix Extensions (AMX): the vector backend with linear layers, MLP, attention and
 * selection replaced by C kernels ({@code src/main/c}) on tiles of bf16. Java keeps threads, memory, the order of work and all checks; a kernel
 * is a leaf that allocates nothing and calls nothing.
 */
@NullMarked
package dev.sparsed.internal.amx;

import org.jspecify.annotations.NullMarked;
