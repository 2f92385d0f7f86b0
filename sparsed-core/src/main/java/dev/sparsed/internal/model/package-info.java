/**
 * The one forward pass of all model families, and how each family's checkpoint maps onto it.
 */
@NullMarked
package dev.sparsed.internal.model;

import org.jspecify.annotations.NullMarked;
