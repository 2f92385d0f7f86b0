/**
 * Which keys each query attends to, and in which denoising step: the policies (dense, SparseD), the plan a policy draws up for one
 * request, and the block patterns it selects. Arithmetic on activations is a backend's work, but
 * for the policies that select on the host ({@link dev.sparsed.attention.HostSelection}).
 */
@NullMarked
package dev.sparsed.attention;

import org.jspecify.annotations.NullMarked;
