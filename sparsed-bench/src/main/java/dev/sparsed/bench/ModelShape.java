package dev.sparsed.bench;

import dev.sparsed.spi.HeadLayout;
import java.util.Locale;

/**
 * The extents that decide what a forward pass costs.
 *
 * @param hidden width of the residual stream
 * @param layers number of transformer blocks, ≥ 1
 * @param heads query heads, as many key and value heads
 * @param mlp width of the MLP's inner layer
 * @param vocabulary rows of the embedding and of the head
 */
public record ModelShape(int hidden, int layers, int heads, int mlp, int vocabulary) {

    /** 16 layers of width 1024, heads 16 × 64: 272 million parameters. */
    public static final ModelShape S = new ModelShape(1024, 16, 16, 2816, 32_768);

    /** 8 layers of width 2048, heads 16 × 128: 545 million parameters. */
    public static final ModelShape M = new ModelShape(2048, 8, 16, 5632, 32_768);

    /** LLaDA-8B: 32 layers of width 4096, heads 32 × 128. */
    public static final ModelShape LLADA_8B = new ModelShape(4096, 32, 32, 12_288, 126_464);

    /** The shape of the demo model. */
    public static final ModelShape DEMO = new ModelShape(256, 8, 4, 704, 2048);

    /**
     * A shape by its name.
     *
     * @param name S, M, 8B or demo
     * @return the shape
     * @throws IllegalArgumentException if there is none of that name
     */
    public static ModelShape of(String name) {
        return switch (name.toLowerCase(Locale.ROOT)) {
            case "s" -> S;
            case "m" -> M;
            case "8b" -> LLADA_8B;
            case "demo" -> DEMO;
            default -> throw new IllegalArgumentException("shape " + name + ": there are S, M, 8B and demo");
        };
    }

    /** {@return the same with another number of layers} */
    public ModelShape withLayers(int count) {
        return new ModelShape(hidden, count, heads, mlp, vocabulary);
    }

    /** {@return how the columns of queries, keys and values split into heads} */
    public HeadLayout layout() {
        return new HeadLayout(heads, heads, hidden / heads);
    }

    /**
     * {@return the floating-point operations of a forward pass as it is run: the last layer needs keys and values everywhere but the rest for
     * the eligible rows alone, and so does the head; selection adds sums alone, which are not counted}
     *
     * @param tokens N
     * @param eligible rows whose logits are wanted
     * @param density share of the blocks that attention keeps, 1 if it is dense
     * @param select whether the step also selects, for which all layers need all rows
     */
    public double flops(int tokens, int eligible, double density, boolean select) {
        double keysAndValues = 2 * Flops.linear(tokens, hidden, hidden);
        double everyRow = keysAndValues + rest(tokens, tokens, density);
        double last = select ? everyRow : keysAndValues + rest(eligible, tokens, density);
        return (layers - 1) * everyRow + last + Flops.linear(eligible, hidden, vocabulary);
    }

    private double rest(int rows, int tokens, double density) {
        return 2 * Flops.linear(rows, hidden, hidden)
                + 3 * Flops.linear(rows, hidden, mlp)
                + density * Flops.attention(rows, tokens, layout());
    }
}
