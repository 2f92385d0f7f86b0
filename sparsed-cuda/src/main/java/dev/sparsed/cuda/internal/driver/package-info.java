/**
 * The CUDA driver, as this library needs it: devices, memory, streams, modules, launches, graphs and matrix products, each behind one small
 * class that owns its handle. The only package that knows JCuda, and the only one that calls CUDA's libraries through {@code
 * java.lang.foreign} where JCuda lacks something.
 *
 * <p>Rules that hold for all of it. A device address is a {@code long} in bytes. Whoever opens a handle closes it; closing twice is fine,
 * use after it is an {@link java.lang.IllegalStateException}. Every call of CUDA is checked, and a failure is a {@link
 * dev.sparsed.cuda.internal.driver.CudaException} that names the error and what was being done. {@link
 * dev.sparsed.cuda.internal.driver.CudaDevice#bind()} has to be called on a thread before it uses anything else here.
 */
@NullMarked
package dev.sparsed.cuda.internal.driver;

import org.jspecify.annotations.NullMarked;
