package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/** A backend to benchmark, with random operands. The same calls make the same numbers. */
final class Device implements AutoCloseable {

    private static final ValueLayout.OfShort BF16 = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat F32 = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Arena arena = Arena.ofShared();
    private final Random random = new Random(1);
    private final int threads;
    private final double fmaPeak;
    private final Backend backend;
    private final ExecutionContext context;

    /**
     * Measures the FMA peak and opens the backend, to compute in float32.
     *
     * @param name the backend's name
     * @param threads threads that work on one operation; 0 for all processors
     * @throws IllegalArgumentException if there is no backend of that name
     * @throws dev.sparsed.BackendUnavailableException if it cannot run here
     */
    Device(String name, int threads) {
        this(name, threads, DType.F32);
    }

    /**
     * The same with another type to compute in, where the backend has one.
     *
     * @param name the backend's name
     * @param threads threads that work on one operation; 0 for all processors
     * @param dtype F32 or BF16
     * @throws IllegalArgumentException if there is no backend of that name
     * @throws dev.sparsed.BackendUnavailableException if it cannot run here
     */
    Device(String name, int threads, DType dtype) {
        this.threads = threads == 0 ? Runtime.getRuntime().availableProcessors() : threads;
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(offered -> offered.name().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no backend named " + name));
        fmaPeak = FmaPeak.measure(this.threads);
        backend = provider.open(new BackendOptions(this.threads, dtype));
        context = backend.newContext();
    }

    /** {@return the backend's name and what it computes with, for people} */
    String description() {
        return backend.info().name() + " (" + backend.info().device() + ")";
    }

    /** {@return threads that work on one operation} */
    int threads() {
        return threads;
    }

    /** {@return the FMA peak of as many threads, in GFLOP/s} */
    double fmaPeak() {
        return fmaPeak;
    }

    /** {@return the operations} */
    ExecutionContext context() {
        return context;
    }

    /** {@return a tensor of undefined contents} */
    Tensor empty(int rows, int columns) {
        return context.allocate(rows, columns);
    }

    /** {@return a tensor of normally distributed numbers} */
    Tensor activation(int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return backend.constant(values, rows, columns);
    }

    /** {@return a RoPE table, {@code [rows, headDim/2]}: a function, sine or cosine, of row·10000^(−2i/headDim)} */
    Tensor ropeTable(int rows, int headDim, DoubleUnaryOperator function) {
        int half = headDim / 2;
        float[] values = new float[rows * half];
        for (int i = 0; i < values.length; i++) {
            double frequency = Math.pow(10_000, -(double) (i % half) / half);
            values[i] = (float) function.applyAsDouble((double) (i / half) * frequency);
        }
        return backend.constant(values, rows, half);
    }

    /** {@return a weight of normally distributed numbers, in off-heap memory as from a checkpoint} */
    Tensor weight(DType type, int out, int in) {
        long elements = (long) out * in;
        MemorySegment data = arena.allocate(elements * type.bytes(), 64);
        for (long i = 0; i < elements; i++) {
            float value = (float) random.nextGaussian();
            switch (type) {
                case BF16 -> data.setAtIndex(BF16, i, (short) (Float.floatToRawIntBits(value) >>> 16));
                case F32 -> data.setAtIndex(F32, i, value);
                default -> throw new IllegalArgumentException(type + ": no weight to benchmark");
            }
        }
        return backend.upload(new HostTensor("weight", type, List.of((long) out, (long) in), data));
    }

    /**
     * A pattern that keeps random blocks, and of every query block its own: as many blocks of every row as SparseD keeps.
     *
     * @param layout the canvas and its blocks
     * @param heads query heads
     * @param select ρ: ⌊n·ρ⌋ + 1 of n blocks are kept
     * @return the pattern
     */
    BlockPattern pattern(BlockLayout layout, int heads, double select) {
        int kept = Math.min(layout.blocks(), (int) (layout.blocks() * select) + 1);
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                int own = queryBlock;
                List<Integer> others = new ArrayList<>(IntStream.range(0, layout.blocks())
                        .filter(block -> block != own)
                        .boxed()
                        .toList());
                Collections.shuffle(others, random);
                pattern.keep(head, queryBlock, own);
                for (int block : others.subList(0, kept - 1)) {
                    pattern.keep(head, queryBlock, block);
                }
            }
        }
        return pattern.build();
    }

    @Override
    public void close() {
        context.close();
        backend.close();
        arena.close();
    }
}
