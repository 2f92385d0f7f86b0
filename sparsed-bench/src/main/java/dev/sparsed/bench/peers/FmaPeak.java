package dev.sparsed.bench.peers;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The most float32 operations per second that fused multiply-adds on registers reach: what any kernel is limited by.
 * Needs the module {@code jdk.incubator.vector}.
 */
final class FmaPeak implements AutoCloseable {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    /** Independent sums: two FMA units of latency 4 or 5 need ten; SSE and AVX2 have sixteen registers. */
    private static final int SUMS = 12;

    /** Rounds of a call: 20 ms at 80 GFLOP/s with 512-bit vectors. */
    private static final int ROUNDS = 4_000_000;

    private final ExecutorService threads;
    private final int count;

    /**
     * Starts the threads.
     *
     * @param count how many, ≥ 1
     */
    FmaPeak(int count) {
        this.count = count;
        this.threads = Executors.newFixedThreadPool(count);
    }

    /** {@return GFLOP/s of all threads together, measured now for some 20 ms} */
    double measure() {
        long begin = System.nanoTime();
        List<Future<Float>> results = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            float start = i;
            results.add(threads.submit(() -> multiplyAdd(start)));
        }
        float sum = 0;
        for (Future<Float> result : results) {
            sum += get(result);
        }
        double nanos = System.nanoTime() - begin;
        if (Float.isNaN(sum)) {
            throw new IllegalStateException("the sums went wrong"); // also keeps them alive
        }
        return 2.0 * count * ROUNDS * SUMS * FLOATS.length() / nanos;
    }

    private static float get(Future<Float> result) {
        try {
            return result.get();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("measuring failed", e);
        }
    }

    /** Every sum tends to 1 / (1 − 0.5) = 2: no overflow, no subnormal numbers. */
    private static float multiplyAdd(float start) {
        FloatVector half = FloatVector.broadcast(FLOATS, 0.5f);
        FloatVector one = FloatVector.broadcast(FLOATS, 1f);
        FloatVector s0 = FloatVector.broadcast(FLOATS, start);
        FloatVector s1 = s0.add(1f);
        FloatVector s2 = s0.add(2f);
        FloatVector s3 = s0.add(3f);
        FloatVector s4 = s0.add(4f);
        FloatVector s5 = s0.add(5f);
        FloatVector s6 = s0.add(6f);
        FloatVector s7 = s0.add(7f);
        FloatVector s8 = s0.add(8f);
        FloatVector s9 = s0.add(9f);
        FloatVector s10 = s0.add(10f);
        FloatVector s11 = s0.add(11f);
        for (int i = 0; i < ROUNDS; i++) {
            s0 = s0.fma(half, one);
            s1 = s1.fma(half, one);
            s2 = s2.fma(half, one);
            s3 = s3.fma(half, one);
            s4 = s4.fma(half, one);
            s5 = s5.fma(half, one);
            s6 = s6.fma(half, one);
            s7 = s7.fma(half, one);
            s8 = s8.fma(half, one);
            s9 = s9.fma(half, one);
            s10 = s10.fma(half, one);
            s11 = s11.fma(half, one);
        }
        return s0.add(s1)
                .add(s2.add(s3))
                .add(s4.add(s5))
                .add(s6.add(s7))
                .add(s8.add(s9))
                .add(s10.add(s11))
                .lane(0);
    }

    @Override
    public void close() {
        threads.close();
    }
}
