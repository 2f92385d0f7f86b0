package dev.sparsed.spi;

/**
 * A matrix in a backend's memory, row-major and contiguous. What lies behind it is the backend's own; a tensor of one backend means
 * nothing to another.
 */
public interface Tensor {

    /** {@return the element type; activations of a CPU backend are F32} */
    DType dtype();

    /** {@return the number of rows: tokens for an activation, output features for a weight} */
    int rows();

    /** {@return the number of columns: features for an activation, input features for a weight} */
    int columns();

    /**
     * A view of some consecutive rows; it shares the memory.
     *
     * @param from first row, 0 … {@code rows()}
     * @param count number of rows, 0 … {@code rows() - from}
     * @return the view
     * @throws IndexOutOfBoundsException if the rows are not all there
     */
    Tensor slice(int from, int count);
}
