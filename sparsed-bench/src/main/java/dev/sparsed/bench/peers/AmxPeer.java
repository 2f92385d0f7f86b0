package dev.sparsed.bench.peers;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The AMX backend, with and without 8-bit integers, beside oneDNN's bf16 product and the vector backend, one after the other in every round
 * of one process. Ours rounds its input in every call; oneDNN is given it rounded.
 */
public final class AmxPeer implements AutoCloseable {

    private static final long ROUND_NANOS = 60_000_000;
    private static final long WARM_UP_NANOS = 500_000_000;

    /** OpenMP's threads keep looking for work for a while; what runs next must not share cores with them. */
    private static final long PAUSE_NANOS = 10_000_000;

    private static final int CACHE_LINE = 64;

    private final Backend amx;
    private final Backend int8;
    private final Backend vector;
    private final int rounds;
    private final Consumer<String> lines;

    /**
     * Opens both backends.
     *
     * @param threads threads of each
     * @param rounds rounds of each comparison
     * @param lines receives the rows
     * @throws dev.sparsed.BackendUnavailableException if one cannot run
     */
    public AmxPeer(int threads, int rounds, Consumer<String> lines) {
        this.rounds = rounds;
        this.lines = lines;
        amx = open("amx", threads, Quantization.NONE);
        int8 = open("amx", threads, Quantization.INT8);
        vector = open("vector", threads, Quantization.NONE);
    }

    private static Backend open(String name, int threads, Quantization quantization) {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(provider -> provider.name().equals(name))
                .findFirst()
                .orElseThrow()
                .open(new BackendOptions(threads, DType.BF16, quantization));
    }

    /**
     * Linear layers.
     *
     * @param library oneDNN, or null to look where the system looks
     * @param shapes the products
     * @throws IllegalStateException if a product is wrong
     */
    public void linear(@Nullable Path library, List<MatrixShape> shapes) {
        OneDnn dnn = OneDnn.load(library);
        print(
                "rows x in x out",
                "amx best/med.",
                "oneDNN best/med.",
                "amx int8 b./m.",
                "vector median",
                "to oneDNN",
                "int8",
                "to vector");
        for (MatrixShape shape : shapes) {
            linear(dnn, shape);
        }
    }

    private void linear(OneDnn dnn, MatrixShape shape) {
        Random random = new Random(1);
        float[] x = bf16(random, shape.rows() * shape.in());
        float[] w = bf16(random, shape.out() * shape.in());
        try (Arena memory = Arena.ofShared();
                ExecutionContext context = amx.newContext();
                ExecutionContext integers = int8.newContext();
                ExecutionContext slow = vector.newContext()) {
            MemorySegment weights = halves(memory, w);
            MemorySegment theirs = memory.allocate(4L * shape.rows() * shape.out(), CACHE_LINE);
            HostTensor host =
                    new HostTensor("weight", DType.BF16, List.of((long) shape.out(), (long) shape.in()), weights);
            Runnable ours = product(amx, context, shape, x, host);
            Runnable other = product(vector, slow, shape, x, host);
            Runnable peer = dnn.product(memory, shape, halves(memory, x), weights, theirs);
            Rates[] rates = rates(shape.operations(), ours, peer, product(int8, integers, shape, x, host), other);
            Tensor out = context.allocate(shape.rows(), shape.out());
            context.linear(amx.constant(x, shape.rows(), shape.in()), amx.upload(host), null, out);
            float[] result = new float[shape.rows() * shape.out()];
            context.download(out, result);
            MemorySegment floats = memory.allocate(4L * w.length, CACHE_LINE);
            MemorySegment.copy(w, 0, floats, ValueLayout.JAVA_FLOAT, 0, w.length);
            OpenBlasPeer.check(shape, "our", result, x, floats);
            OpenBlasPeer.check(shape, "oneDNN's", theirs.toArray(ValueLayout.JAVA_FLOAT), x, floats);
            print(
                    shape.toString(),
                    pair(rates[0]),
                    pair(rates[1]),
                    pair(rates[2]),
                    number(rates[3].median()),
                    ratio(rates[0], rates[1]),
                    ratio(rates[2], rates[0]),
                    ratio(rates[0], rates[3]));
        }
    }

    private static Runnable product(
            Backend backend, ExecutionContext context, MatrixShape shape, float[] x, HostTensor host) {
        Tensor input = backend.constant(x, shape.rows(), shape.in());
        Tensor weight = backend.uploadLinear(host);
        Tensor out = context.allocate(shape.rows(), shape.out());
        return () -> context.linear(input, weight, null, out);
    }

    /**
     * Dense and block-sparse attention.
     *
     * @param tokens length of the canvas
     * @param heads heads
     * @param headDim D
     */
    public void attention(int tokens, int heads, int headDim) {
        HeadLayout layout = new HeadLayout(heads, heads, headDim);
        Random random = new Random(2);
        float[][] operands = new float[3][];
        for (int i = 0; i < operands.length; i++) {
            operands[i] = bf16(random, tokens * layout.queryColumns());
        }
        try (ExecutionContext context = amx.newContext();
                ExecutionContext slow = vector.newContext()) {
            Tensor[] on = tensors(amx, context, operands, tokens, layout);
            Tensor[] slowly = tensors(vector, slow, operands, tokens, layout);
            BlockPattern[] patterns = {
                scattered(random, tokens, 64, heads),
                scattered(random, tokens, 128, heads),
                structured(random, tokens, 64, heads),
                structured(random, tokens, 128, heads)
            };
            double operations = 4.0 * heads * headDim * tokens * tokens;
            Tensor sums = context.allocateFloats(tokens, heads);
            Rates[] rates = rates(
                    operations,
                    () -> context.attention().dense(on[0], on[1], on[2], layout, on[3], null),
                    sparse(context, on, layout, patterns[0]),
                    sparse(context, on, layout, patterns[1]),
                    sparse(context, on, layout, patterns[2]),
                    sparse(context, on, layout, patterns[3]),
                    () -> {
                        RatioRule rule = new RatioRule(new BlockLayout(tokens, 128, 128), 0.3);
                        context.attention().denseAndSelect(on[0], on[1], on[2], layout, on[3], sums, rule);
                    },
                    () -> slow.attention().dense(slowly[0], slowly[1], slowly[2], layout, slowly[3], null));
            double[] ratios = new double[patterns.length];
            Arrays.setAll(ratios, i -> rates[0].times(rates[1 + i]) / patterns[i].density());
            print(
                    tokens + " x " + heads + " x " + headDim,
                    pair(rates[0]),
                    pair(rates[6]),
                    "",
                    String.format(
                            Locale.ROOT,
                            "time / (kept x dense): B 64 %.2f, B 128 %.2f; structured %.2f, %.2f; selecting / dense %.2f",
                            ratios[0],
                            ratios[1],
                            ratios[2],
                            ratios[3],
                            rates[0].times(rates[5])),
                    "",
                    "",
                    ratio(rates[0], rates[6]));
        }
    }

    private static Runnable sparse(ExecutionContext context, Tensor[] on, HeadLayout layout, BlockPattern pattern) {
        Positions all = Positions.range(0, on[0].rows());
        return () -> context.attention().blockSparse(on[0], all, on[1], on[2], layout, pattern, on[3]);
    }

    private static Tensor[] tensors(
            Backend backend, ExecutionContext context, float[][] operands, int tokens, HeadLayout layout) {
        int columns = layout.queryColumns();
        return new Tensor[] {
            backend.constant(operands[0], tokens, columns),
            backend.constant(operands[1], tokens, columns),
            backend.constant(operands[2], tokens, columns),
            context.allocate(tokens, columns)
        };
    }

    /** Three tenths of the blocks, at random. */
    private static BlockPattern scattered(Random random, int tokens, int blockSize, int heads) {
        BlockLayout layout = new BlockLayout(tokens, 128, blockSize);
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int row = 0; row < layout.blocks(); row++) {
                builder.keep(head, row, row);
                for (int kept = 0; kept < layout.blocks() * 3 / 10; kept++) {
                    builder.keep(head, row, random.nextInt(layout.blocks()));
                }
            }
        }
        return builder.build();
    }

    /** About three tenths: a band beside the diagonal, and columns that all rows of a head keep. */
    private static BlockPattern structured(Random random, int tokens, int blockSize, int heads) {
        BlockLayout layout = new BlockLayout(tokens, 128, blockSize);
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads);
        int columns = layout.blocks() * 3 / 20;
        int reach = layout.blocks() * 3 / 40;
        for (int head = 0; head < heads; head++) {
            int[] kept =
                    random.ints(0, layout.blocks()).distinct().limit(columns).toArray();
            for (int row = 0; row < layout.blocks(); row++) {
                for (int column : kept) {
                    builder.keep(head, row, column);
                }
                for (int j = Math.max(0, row - reach); j <= Math.min(layout.blocks() - 1, row + reach); j++) {
                    builder.keep(head, row, j);
                }
            }
        }
        return builder.build();
    }

    /** All of them warmed up, then in turn. */
    private Rates[] rates(double operations, Runnable... runs) {
        Rates[] rates = new Rates[runs.length];
        for (int i = 0; i < runs.length; i++) {
            rates[i] = new Rates();
            rate(operations, WARM_UP_NANOS, runs[i]);
        }
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < runs.length; i++) {
                rates[i].add(rate(operations, ROUND_NANOS, runs[i]));
                LockSupport.parkNanos(PAUSE_NANOS);
            }
        }
        return rates;
    }

    private static double rate(double operations, long nanos, Runnable run) {
        long begin = System.nanoTime();
        int count = 0;
        long elapsed;
        do {
            run.run();
            count++;
            elapsed = System.nanoTime() - begin;
        } while (elapsed < nanos);
        return count * operations / elapsed;
    }

    private static float[] bf16(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = Float.intBitsToFloat(Float.floatToRawIntBits(random.nextFloat(-1, 1)) & 0xffff0000);
        }
        return values;
    }

    private static MemorySegment halves(Arena memory, float[] values) {
        MemorySegment halves = memory.allocate(2L * values.length, CACHE_LINE);
        for (int i = 0; i < values.length; i++) {
            halves.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(values[i]) >>> Short.SIZE));
        }
        return halves;
    }

    private void print(Object... columns) {
        lines.accept(String.format(Locale.ROOT, "%-16s %17s %17s %17s %14s %10s %10s %10s", columns));
    }

    private static String pair(Rates rates) {
        return String.format(Locale.ROOT, "%.0f / %.0f", rates.best(), rates.median());
    }

    private static String number(double value) {
        return String.format(Locale.ROOT, "%.0f", value);
    }

    private static String ratio(Rates a, Rates b) {
        return String.format(Locale.ROOT, "%.2f", a.times(b));
    }

    @Override
    public void close() {
        try (amx;
                int8) {
            vector.close();
        }
    }
}
