package dev.sparsed;

/**
 * The model's logits for a position have no softmax: one is NaN or +∞, or all are −∞. That is what damaged weights lead to,
 * activations that overflow the type they are computed in, or a hook that puts such values.
 */
public final class NonFiniteLogitsException extends ArithmeticException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param step denoising step
     * @param position canvas position
     */
    public NonFiniteLogitsException(int step, int position) {
        super("step " + step + ", position " + position
                + ": the logits have no softmax (NaN, +infinity, or nothing but -infinity): the checkpoint's weights are damaged,"
                + " its activations overflow the type they are computed in, or a hook put such values");
    }
}
