/** The kernels: one class per file of src/main/cuda, which knows its grid and its arguments. */
@NullMarked
package dev.sparsed.cuda.internal.kernel;

import org.jspecify.annotations.NullMarked;
