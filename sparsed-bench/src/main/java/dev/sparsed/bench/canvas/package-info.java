/** A canvas that is being denoised, position by position, for those who draw it. */
@NullMarked
package dev.sparsed.bench.canvas;

import org.jspecify.annotations.NullMarked;
