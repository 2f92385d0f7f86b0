/**
 * The CUDA backend, found through {@link java.util.ServiceLoader} where this module is on the class path. It is known to users by its
 * name, {@code "cuda"}, and by nothing else.
 */
@NullMarked
package dev.sparsed.cuda;

import org.jspecify.annotations.NullMarked;
