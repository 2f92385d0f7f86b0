/**
 * The {@code sparsed} command. {@link dev.sparsed.bench.cli.Launcher} is where the jar begins,
 * {@link dev.sparsed.bench.cli.Main} dispatches to one class per subcommand. Options that several of them share are
 * mixins ({@code ModelOptions}, {@code PolicyOptions}, …). What is drawn on a terminal is computed by pure classes
 * ({@code CanvasView}, {@code SudokuView}) and put there by one ({@code LiveScreen}).
 */
@NullMarked
package dev.sparsed.bench.cli;

import org.jspecify.annotations.NullMarked;
