/**
 * The library's front door: load a {@link dev.sparsed.DiffusionModel}, send it a {@link dev.sparsed.GenerationRequest},
 * read the {@link dev.sparsed.GenerationResult}. Everything a caller needs is in this package and in the policy it
 * picks from {@link dev.sparsed.attention}.
 */
@NullMarked
package dev.sparsed;

import org.jspecify.annotations.NullMarked;
