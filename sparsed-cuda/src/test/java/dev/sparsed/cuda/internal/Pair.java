package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
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
            short[] upperHalves = new short[values.length];
            for (int i = 0; i < values.length; i++) {
                upperHalves[i] = (short) (Float.floatToRawIntBits(values[i]) >>> Short.SIZE);
            }
            MemorySegment data = MemorySegment.ofArray(upperHalves);
            return backend.upload(new HostTensor("test", DType.BF16, List.of((long) rows, (long) columns), data));
        }

        /** {@return a weight matrix} */
        Tensor weight(float[] values, int rows, int columns) {
            MemorySegment data = MemorySegment.ofArray(values);
            return backend.upload(new HostTensor("test", DType.F32, List.of((long) rows, (long) columns), data));
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
            values[i] = dtype == DType.F32 ? value : Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
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
