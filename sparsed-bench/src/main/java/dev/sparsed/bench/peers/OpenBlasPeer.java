package dev.sparsed.bench.peers;

import dev.sparsed.bench.Clock;
import dev.sparsed.bench.FmaPeak;
import dev.sparsed.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Our matrix product beside OpenBLAS's: in every round of a shape both run one after the other in this process, so that
 * a busy machine is as busy for the one as for the other. The fused multiply-adds per second that the processor
 * reaches on registers are measured in the same rounds.
 */
public final class OpenBlasPeer {

    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final int CACHE_LINE = 64;

    /** A round repeats the product for so long. */
    private static final long ROUND_NANOS = 60_000_000;

    /** Before the first round: until the JVM has compiled ours. */
    private static final long WARM_UP_NANOS = 1_500_000_000;

    /** OpenBLAS's threads keep looking for work for 2²⁶ cycles; what runs next must not share cores with them. */
    private static final long PAUSE_NANOS = 40_000_000;

    /** Elements of every result that are checked. */
    private static final int CHECKED = 500;

    private final OpenBlas blas;

    private OpenBlasPeer(OpenBlas blas) {
        this.blas = blas;
    }

    /**
     * Finds OpenBLAS.
     *
     * @param library where it is, or null to look where the system looks
     * @return the peer
     * @throws dev.sparsed.BackendUnavailableException if there is none
     */
    public static OpenBlasPeer find(@Nullable Path library) {
        return new OpenBlasPeer(OpenBlas.load(library));
    }

    /**
     * Measures.
     *
     * @param shapes the products
     * @param threads numbers of threads
     * @param rounds rounds of each, ≥ 1
     * @param lines receives the table as it grows: which OpenBLAS, a head, and per shape and number of threads one row
     *     for float32 and one for bfloat16 weights
     * @throws IllegalStateException if a product is wrong
     */
    public void compare(List<MatrixShape> shapes, List<Integer> threads, int rounds, Consumer<String> lines) {
        lines.accept(blas.description());
        lines.accept(
                "GFLOP/s, best / median of " + rounds
                        + " rounds, of one thread by its processor time; ratios are ours to OpenBLAS's, of medians and of bests");
        lines.accept(Comparison.head());
        for (int count : threads) {
            for (MatrixShape shape : shapes) {
                compare(shape, count, rounds, lines);
            }
        }
    }

    private void compare(MatrixShape shape, int threads, int rounds, Consumer<String> lines) {
        Random random = new Random(1);
        float[] x = new float[shape.rows() * shape.in()];
        for (int i = 0; i < x.length; i++) {
            x[i] = random.nextFloat(-1, 1);
        }
        int weights = shape.out() * shape.in();
        try (Arena memory = Arena.ofShared()) {
            MemorySegment xNative = floats(memory, x.length);
            MemorySegment.copy(x, 0, xNative, FLOAT, 0, x.length);
            MemorySegment f32 = floats(memory, weights);
            MemorySegment bf16 = memory.allocate(2L * weights, CACHE_LINE);
            for (int i = 0; i < weights; i++) { // the same weights: both types hold them exactly
                int bits = Float.floatToRawIntBits(random.nextFloat(-1, 1)) & 0xffff0000;
                f32.setAtIndex(FLOAT, i, Float.intBitsToFloat(bits));
                bf16.setAtIndex(SHORT, i, (short) (bits >>> 16));
            }
            MemorySegment out = floats(memory, (long) shape.rows() * shape.out());
            try (OurProduct ours = new OurProduct(shape, threads, x, DType.F32, f32);
                    OurProduct oursBf16 = new OurProduct(shape, threads, x, DType.BF16, bf16)) {
                Rates theirRates = new Rates();
                Rates ourRates = new Rates();
                Rates bf16Rates = new Rates();
                Rates peakRates = new Rates();
                blas.setThreads(threads);
                Runnable theirs = () -> blas.linear(shape, xNative, f32, out);
                rate(shape, threads, WARM_UP_NANOS, ours::run);
                rate(shape, threads, WARM_UP_NANOS, oursBf16::run);
                peakRates.add(FmaPeak.measure(threads));
                for (int round = 0; round < rounds; round++) {
                    theirRates.add(rate(shape, threads, ROUND_NANOS, theirs));
                    LockSupport.parkNanos(PAUSE_NANOS);
                    ourRates.add(rate(shape, threads, ROUND_NANOS, ours::run));
                    bf16Rates.add(rate(shape, threads, ROUND_NANOS, oursBf16::run));
                }
                check(shape, "OpenBLAS's", out.toArray(FLOAT), x, f32);
                check(shape, "our float32", ours.result(), x, f32);
                check(shape, "our bfloat16", oursBf16.result(), x, f32);
                lines.accept(new Comparison(shape, threads, DType.F32, ourRates, theirRates, peakRates).row());
                lines.accept(new Comparison(shape, threads, DType.BF16, bf16Rates, theirRates, peakRates).row());
            }
        }
    }

    private static MemorySegment floats(Arena memory, long count) {
        return memory.allocate(count * Float.BYTES, CACHE_LINE);
    }

    /** GFLOP/s of a product, after one that is not timed. */
    private static double rate(MatrixShape shape, int threads, long nanos, Runnable product) {
        product.run();
        Clock clock = new Clock(threads);
        long begin = clock.nanos();
        int count = 0;
        long elapsed;
        do {
            product.run();
            count++;
            elapsed = clock.nanos() - begin;
        } while (elapsed < nanos);
        return count * shape.operations() / elapsed;
    }

    /** Some elements against float64 sums, within the bound of K roundings: (K + 2)·2⁻²⁴·Σ|x·w|. */
    static void check(MatrixShape shape, String whose, float[] out, float[] x, MemorySegment w) {
        Random random = new Random(2);
        for (int n = 0; n < CHECKED; n++) {
            int row = random.nextInt(shape.rows());
            int column = random.nextInt(shape.out());
            double sum = 0;
            double magnitude = 0;
            for (int k = 0; k < shape.in(); k++) {
                double product = (double) x[row * shape.in() + k] * w.getAtIndex(FLOAT, (long) column * shape.in() + k);
                sum += product;
                magnitude += Math.abs(product);
            }
            float value = out[row * shape.out() + column];
            if (!(Math.abs(value - sum) <= (shape.in() + 2) * 0x1p-24 * magnitude)) {
                throw new IllegalStateException(String.format(
                        Locale.ROOT,
                        "%s product %s is wrong: element %d, %d is %s, expected %s",
                        whose,
                        shape,
                        row,
                        column,
                        value,
                        sum));
            }
        }
    }
}
