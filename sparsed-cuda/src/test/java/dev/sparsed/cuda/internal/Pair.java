package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Tensor;
import java.util.Random;
import java.util.ServiceLoader;

/** The CUDA backend beside the scalar one, which is the specification; both are given the same values. */
final class Pair implements AutoCloseable {

    /** One operation, the same on both. */
    interface Operation {

        /** {@return what to compare} */
        Tensor on(Side side);
    }

    /** A backend with a context. */
    static final class Side implements AutoCloseable {

        final Backend backend;
        final ExecutionContext context;
        private final boolean onDevice;
        private final DType dtype;

        private Side(Backend backend, DType dtype) {
            this.backend = backend;
            this.context = backend.newContext();
            this.onDevice = backend.info().name().equals("cuda");
            this.dtype = dtype;
        }

        /** {@return an activation or a weight with these values, which the type has to hold exactly} */
        Tensor tensor(float[] values, int rows, int columns) {
            if (!onDevice || dtype == DType.F32) {
                return backend.constant(values, rows, columns);
            }
            return backend.upload(Samples.matrix(values, DType.BF16, rows, columns));
        }

        /** {@return a weight matrix} */
        Tensor weight(float[] values, int rows, int columns) {
            return backend.upload(Samples.matrix(values, DType.F32, rows, columns));
        }

        float[] values(Tensor tensor) {
            float[] values = new float[tensor.rows() * tensor.columns()];
            context.download(tensor, values);
            return values;
        }

        @Override
        public void close() {
            context.close();
            backend.close();
        }
    }

    final Side cuda;
    final Side scalar;
    private final DType dtype;

    Pair(DType dtype) {
        this.dtype = dtype;
        this.scalar = new Side(backend("scalar", dtype), dtype);
        this.cuda = new Side(backend("cuda", dtype), dtype);
    }

    private static Backend backend(String name, DType dtype) {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.name().equals(name))
                .findFirst()
                .orElseThrow()
                .open(new BackendOptions(2, dtype));
    }

    /** {@return normally distributed values that the type holds exactly} */
    float[] values(Random random, int count, float spread) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            float value = spread * (float) random.nextGaussian();
            values[i] = dtype == DType.F32 ? value : Samples.bf16(value);
        }
        return values;
    }

    /**
     * Runs the operation on both and compares.
     *
     * @param relative largest difference for a value of size 1, growing with its size
     */
    void compare(String what, float relative, Operation operation) {
        float[] expected = scalar.values(operation.on(scalar));
        float[] actual = cuda.values(operation.on(cuda));
        assertClose(what, expected, actual, relative);
    }

    static void assertClose(String what, float[] expected, float[] actual, float relative) {
        assertThat(actual).as(what).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            float bound = relative * (1 + Math.abs(expected[i]));
            if (!(Math.abs(actual[i] - expected[i]) <= bound)) {
                assertThat(actual[i])
                        .as(what + ", element " + i)
                        .isCloseTo(expected[i], org.assertj.core.api.Assertions.within(bound));
            }
        }
    }

    @Override
    public void close() {
        try (scalar) {
            cuda.close();
        }
    }
}
