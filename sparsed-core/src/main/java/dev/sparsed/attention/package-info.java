/**
 * Which keys each query attends to, and in which denoising step: the policies (dense, SparseD), the plan a policy draws up for one
 * request, and the block patterns it selects. Nothing here does arithmetic on activations; that is a backend's work.
 */
@NullMarked
package dev.sparsed.attention;

import org.jspecify.annotations.NullMarked;
