package dev.sparsed.bench.peers;

import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.ServiceLoader;

/** The vector backend's matrix product, as a model calls it. */
final class OurProduct implements AutoCloseable {

    private final Backend backend;
    private final ExecutionContext context;
    private final Tensor x;
    private final Tensor w;
    private final Tensor out;
    private final MatrixShape shape;

    /**
     * Makes the operands available.
     *
     * @param shape extents
     * @param threads threads of the product
     * @param x {@code [rows, in]}
     * @param dtype type of the weights
     * @param weights {@code [out, in]} of that type
     * @throws dev.sparsed.BackendUnavailableException if the vector backend cannot run
     */
    OurProduct(MatrixShape shape, int threads, float[] x, DType dtype, MemorySegment weights) {
        this.shape = shape;
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(offered -> offered.name().equals("vector"))
                .findFirst()
                .orElseThrow(() -> new IllegalStateException("the vector backend is not on the class path"));
        backend = provider.open(new BackendOptions(threads, DType.F32));
        context = backend.newContext();
        this.x = backend.constant(x, shape.rows(), shape.in());
        this.w = backend.upload(
                new HostTensor("weight", dtype, List.of((long) shape.out(), (long) shape.in()), weights));
        this.out = context.allocate(shape.rows(), shape.out());
    }

    /** One product. */
    void run() {
        context.linear(x, w, null, out);
    }

    /** {@return the last product's result, {@code [rows, out]}} */
    float[] result() {
        float[] values = new float[shape.rows() * shape.out()];
        context.download(out, values);
        return values;
    }

    @Override
    public void close() {
        context.close();
        backend.close();
    }
}
