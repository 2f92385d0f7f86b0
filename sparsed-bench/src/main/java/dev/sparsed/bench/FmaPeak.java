package dev.sparsed.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The limit of float32 arithmetic on this machine: fused multiply-adds on vectors that never leave their registers. No kernel can be
 * faster; the share of it that one reaches says how good it is, on whatever machine.
 */
public final class FmaPeak {

    /** Other programs disturb some of them: the best counts. */
    private static final int ROUNDS = 16;

    /** GFLOP/s that any machine exceeds with the loop compiled by C2, and none without: before, it does about 0.05. */
    private static final double COMPILED = 1;

    private static final int MOST_ROUNDS_OF_WARM_UP = 500;

    private static final long ROUND_NANOS = 40_000_000;

    private FmaPeak() {}

    /**
     * Measures it, in one to a few seconds.
     *
     * @param threads threads that compute at the same time, ≥ 1
     * @return GFLOP/s of all threads together, a multiply-add counted as two
     * @throws IllegalStateException if the Vector API is not there
     */
    public static double measure(int threads) {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            throw new IllegalStateException("the module jdk.incubator.vector is not resolved; start java with"
                    + " --add-modules jdk.incubator.vector");
        }
        try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
            for (int round = 0; Loop.gflops(ROUND_NANOS) < COMPILED; round++) {
                if (round == MOST_ROUNDS_OF_WARM_UP) {
                    throw new IllegalStateException("this JVM does not compile vectors; start java without -Xint and"
                            + " -XX:TieredStopAtLevel");
                }
            }
            double best = 0;
            for (int round = 0; round < ROUNDS; round++) {
                best = Math.max(best, round(pool, threads));
            }
            return best;
        }
    }

    private static double round(ExecutorService pool, int threads) {
        try {
            double sum = 0;
            for (Future<Double> rate : pool.invokeAll(tasks(threads))) {
                sum += rate.get();
            }
            return sum;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring the FMA peak", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException("cannot measure the FMA peak", e);
        }
    }

    private static List<Callable<Double>> tasks(int threads) {
        List<Callable<Double>> tasks = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            tasks.add(() -> Loop.gflops(ROUND_NANOS));
        }
        return tasks;
    }

    /** Apart, so that a JVM without the Vector API need not load it. */
    private static final class Loop {

        private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

        /** 4 cycles of latency × 2 units need 8 independent chains. */
        private static final int CHAINS = 12;

        private static final int REPEATS = 16_384;

        private static final double FLOPS = 2.0 * CHAINS * REPEATS * SPECIES.length();

        /** Keeps the compiler from dropping the loop. */
        private static volatile float sink;

        private static double gflops(long nanos) {
            long begin = System.nanoTime();
            long runs = 0;
            long elapsed;
            do {
                sink = run(0.5f);
                runs++;
                elapsed = System.nanoTime() - begin;
            } while (elapsed < nanos);
            return runs * FLOPS / elapsed;
        }

        /** Adds factor² in every lane: the accumulator is the addend, as in a matrix product. Stays finite and normal. */
        private static float run(float factor) {
            FloatVector f = FloatVector.broadcast(SPECIES, factor);
            FloatVector a = f;
            FloatVector b = f;
            FloatVector c = f;
            FloatVector d = f;
            FloatVector e = f;
            FloatVector g = f;
            FloatVector h = f;
            FloatVector i = f;
            FloatVector j = f;
            FloatVector k = f;
            FloatVector l = f;
            FloatVector m = f;
            for (int n = 0; n < REPEATS; n++) {
                a = f.fma(f, a);
                b = f.fma(f, b);
                c = f.fma(f, c);
                d = f.fma(f, d);
                e = f.fma(f, e);
                g = f.fma(f, g);
                h = f.fma(f, h);
                i = f.fma(f, i);
                j = f.fma(f, j);
                k = f.fma(f, k);
                l = f.fma(f, l);
                m = f.fma(f, m);
            }
            FloatVector sum = a.add(b)
                    .add(c)
                    .add(d)
                    .add(e)
                    .add(g)
                    .add(h)
                    .add(i)
                    .add(j)
                    .add(k)
                    .add(l)
                    .add(m);
            return sum.lane(0);
        }
    }
}
