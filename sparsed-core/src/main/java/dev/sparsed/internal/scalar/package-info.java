/**
 * The specification: every kernel in its shortest form, with the formula it computes. Slow on purpose, and the oracle of every
 * kernel test.
 */
@NullMarked
package dev.sparsed.internal.scalar;

import org.jspecify.annotations.NullMarked;
