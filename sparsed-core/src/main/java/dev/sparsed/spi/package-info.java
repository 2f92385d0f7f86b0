/**
 * What a device has to offer to run a diffusion language model: a dozen operations on tensors it owns, and attention in its three
 * forms. A backend is found through {@link java.util.ServiceLoader} by its {@link dev.sparsed.spi.BackendProvider}.
 */
@NullMarked
package dev.sparsed.spi;

import org.jspecify.annotations.NullMarked;
