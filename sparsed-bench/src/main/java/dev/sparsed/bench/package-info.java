/** JMH benchmarks; {@code sparsed bench} runs them. */
@NullMarked
package dev.sparsed.bench;

import org.jspecify.annotations.NullMarked;
