/** The {@code sparsed} command. {@link dev.sparsed.bench.cli.Launcher} is where the jar begins. */
@NullMarked
package dev.sparsed.bench.cli;

import org.jspecify.annotations.NullMarked;
