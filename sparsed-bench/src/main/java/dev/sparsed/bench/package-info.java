/**
 * What surrounds the library without being part of it: the JMH benchmarks ({@code sparsed bench} runs them) and the demo model here, the
 * command in {@code cli}, the evaluation in {@code quality}.
 */
@NullMarked
package dev.sparsed.bench;

import org.jspecify.annotations.NullMarked;
