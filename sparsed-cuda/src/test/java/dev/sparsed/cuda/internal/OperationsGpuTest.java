package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Every operation on the GPU against the scalar backend, at awkward sizes, in both types. */
@RequiresGpu
@ParameterizedClass
@EnumSource(
        value = DType.class,
        names = {"F32", "BF16"})
class OperationsGpuTest {

    private static final int[] ROWS = {1, 3, 7, 31, 33, 127, 129, 1000};
    private static final int[] COLUMNS = {2, 6, 8, 64, 128, 1000, 4096, 4104};

    private final Random random = new Random(1);
    private final Pair pair;
    /** A rounding of the output to the type, and the float32 sums behind it. */
    private final float rounding;

    OperationsGpuTest(DType dtype) {
        pair = new Pair(dtype);
        rounding = dtype == DType.F32 ? 2e-5f : 1f / 256;
    }

    @AfterEach
    void close() {
        pair.close();
    }

    private interface Body {
        void at(int rows, int columns);
    }

    private static void atAllSizes(Body body) {
        for (int rows : ROWS) {
            for (int columns : COLUMNS) {
                body.at(rows, columns);
            }
        }
    }

    @Test
    void rmsNorm() {
        atAllSizes((rows, columns) -> {
            float[] x = pair.values(random, rows * columns, 3);
            float[] y = pair.values(random, rows * columns, 1);
            float[] weight = pair.values(random, columns, 1);
            pair.compare("RMSNorm [" + rows + ", " + columns + "]", 2 * rounding, side -> {
                Tensor out = side.context.allocate(rows, columns);
                side.context.rmsNorm(
                        side.tensor(x, rows, columns), side.backend.constant(weight, 1, columns), 1e-5f, out);
                return out;
            });
            pair.compare("RMSNorm after a sum [" + rows + ", " + columns + "]", 4 * rounding, side -> {
                Tensor out = side.context.allocate(rows, columns);
                side.context.addThenRmsNorm(
                        side.tensor(x, rows, columns),
                        side.tensor(y, rows, columns),
                        side.backend.constant(weight, 1, columns),
                        1e-5f,
                        out);
                return out;
            });
        });
    }

    @Test
    void sums() {
        atAllSizes((rows, columns) -> {
            float[] x = pair.values(random, rows * columns, 1);
            float[] y = pair.values(random, rows * columns, 1);
            pair.compare("x + y", rounding, side -> {
                Tensor sum = side.tensor(x, rows, columns);
                side.context.add(sum, side.tensor(y, rows, columns));
                return sum;
            });
            pair.compare("SwiGLU", rounding, side -> {
                Tensor out = side.context.allocate(rows, columns);
                side.context.swiGlu(side.tensor(x, rows, columns), side.tensor(y, rows, columns), out);
                return out;
            });
            pair.compare("guidance", 2e-5f, side -> {
                Tensor conditional = side.backend.constant(x, rows, columns);
                side.context.guide(conditional, side.backend.constant(y, rows, columns), 1.5f);
                return conditional;
            });
        });
    }

    @Test
    void sumsOfSlices() {
        float[] x = pair.values(random, 9 * 6, 1);
        float[] y = pair.values(random, 9 * 6, 1);
        pair.compare("sum from an odd row on", rounding, side -> {
            Tensor all = side.tensor(x, 9, 6);
            side.context.add(all.slice(3, 5), side.tensor(y, 9, 6).slice(1, 5));
            return all;
        });
    }

    @Test
    void rope() {
        int positions = 200;
        for (int headDim : new int[] {2, 6, 24, 48, 64, 128}) {
            int columns = (headDim < 64 ? 3 : 40) * headDim;
            float[] angles = new Random(2)
                    .doubles(positions * headDim / 2)
                    .collect(
                            () -> new float[positions * headDim / 2 + 1],
                            (all, angle) -> all[1 + (int) all[0]++] = (float) angle * 6,
                            (a, b) -> {});
            float[] cos = new float[positions * headDim / 2];
            float[] sin = new float[cos.length];
            for (int i = 0; i < cos.length; i++) {
                cos[i] = (float) Math.cos(angles[i + 1]);
                sin[i] = (float) Math.sin(angles[i + 1]);
            }
            for (Positions rows : List.of(Positions.range(0, 33), Positions.range(50, 83), everySixth(33))) {
                float[] x = pair.values(random, 33 * columns, 1);
                pair.compare("RoPE at " + rows, 2 * rounding, side -> {
                    Tensor vectors = side.tensor(x, 33, columns);
                    side.context.rope(
                            vectors,
                            headDim,
                            side.backend.constant(cos, positions, headDim / 2),
                            side.backend.constant(sin, positions, headDim / 2),
                            rows);
                    return vectors;
                });
            }
        }
    }

    private static Positions everySixth(int count) {
        return Positions.of(IntStream.range(0, count).map(i -> 6 * i + 1).toArray());
    }

    @Test
    void rowsByIndex() {
        for (int columns : COLUMNS) {
            float[] table = pair.values(random, 210 * columns, 1);
            int[] tokens = random.ints(50, 0, 210).toArray();
            pair.compare("embedding", 0, side -> {
                Tensor out = side.context.allocate(tokens.length, columns);
                side.context.embed(side.weight(table, 210, columns), tokens, out);
                return out;
            });
            pair.compare("rows", 0, side -> {
                Tensor out = side.context.allocate(33, columns);
                side.context.gather(side.tensor(table, 210, columns), everySixth(33), out);
                return out;
            });
        }
    }

    @Test
    void linear() {
        for (int rows : ROWS) {
            for (int in : new int[] {8, 64, 1000}) {
                for (int out : new int[] {1, 8, 129, 512}) {
                    float[] x = pair.values(random, rows * in, 1);
                    float[] a = pair.values(random, out * in, (float) (1 / Math.sqrt(in)));
                    float[] b = pair.values(random, out * in, (float) (1 / Math.sqrt(in)));
                    float[] bias = pair.values(random, out, 1);
                    String what = "linear [" + rows + ", " + in + "] to " + out;
                    pair.compare(
                            what,
                            2 * rounding,
                            side -> { // cuBLAS may round the product before it adds the bias
                                Tensor result = side.context.allocate(rows, out);
                                side.context.linear(
                                        side.tensor(x, rows, in),
                                        side.weight(a, out, in),
                                        side.backend.constant(bias, 1, out),
                                        result);
                                return result;
                            });
                    pair.compare(what + " in float32", 2e-5f, side -> {
                        Tensor result = side.context.allocateFloats(rows, out);
                        side.context.linear(side.tensor(x, rows, in), side.weight(a, out, in), null, result);
                        return result;
                    });
                    for (int which = 0; which < 2; which++) {
                        int compared = which;
                        pair.compare(what + ", two layers, number " + which, 2 * rounding, side -> {
                            List<Tensor> results =
                                    List.of(side.context.allocate(rows, out), side.context.allocate(rows, out));
                            side.context.linear(
                                    side.tensor(x, rows, in),
                                    List.of(
                                            new LinearLayer(side.weight(a, out, in), null),
                                            new LinearLayer(
                                                    side.weight(b, out, in), side.backend.constant(bias, 1, out))),
                                    results);
                            return results.get(compared);
                        });
                    }
                }
            }
        }
    }

    @Test
    void greedyCandidates() {
        for (int vocabulary : new int[] {2, 31, 1000, 126_464}) {
            for (float spread : new float[] {0.1f, 3, 30}) {
                float[] logits = new float[5 * vocabulary];
                for (int i = 0; i < logits.length; i++) { // a coarse grid: ties, and −∞ as if forbidden
                    float z = spread * Math.round(4 * random.nextGaussian()) / 4f;
                    logits[i] = z < -2 * spread ? Float.NEGATIVE_INFINITY : z;
                }
                for (int row = 0; row < 5; row++) {
                    logits[row * vocabulary + random.nextInt(vocabulary)] = 3.5f * spread;
                }
                GreedyCandidates expected = greedy(pair.scalar, logits, vocabulary);
                GreedyCandidates actual = greedy(pair.cuda, logits, vocabulary);
                assertThat(actual.tokens()).isEqualTo(expected.tokens());
                Pair.assertClose("probabilities", expected.probabilities(), actual.probabilities(), 1e-5f);
                Pair.assertClose("margins", expected.margins(), actual.margins(), 1e-5f);
                Pair.assertClose("entropies", expected.negativeEntropies(), actual.negativeEntropies(), 1e-4f);
            }
        }
    }

    private static GreedyCandidates greedy(Pair.Side side, float[] logits, int vocabulary) {
        GreedyCandidates candidates = GreedyCandidates.withStatistics(5);
        side.context.greedy(side.backend.constant(logits, 5, vocabulary), candidates);
        GreedyCandidates few = GreedyCandidates.of(5);
        side.context.greedy(side.backend.constant(logits, 5, vocabulary), few);
        assertThat(few.tokens()).isEqualTo(candidates.tokens());
        assertThat(few.probabilities()).isEqualTo(candidates.probabilities());
        return candidates;
    }

    @Test
    void replaysWhatWasRecorded() {
        float[] table = pair.values(random, 100 * 64, 1);
        ExecutionContext context = pair.cuda.context;
        Tensor weights = pair.cuda.weight(table, 100, 64);
        Tensor factors = pair.cuda.backend.constant(pair.values(random, 64, 1), 1, 64);
        Tensor out = context.allocate(40, 64);
        for (int step = 0; step < 5; step++) {
            int[] tokens = random.ints(40, 0, 100).toArray();
            Runnable operations = () -> {
                context.embed(weights, tokens, out);
                context.rmsNorm(out, factors, 1e-5f, out);
            };
            operations.run();
            float[] expected = pair.cuda.values(out);
            context.replayable("key", tokens, operations);
            assertThat(pair.cuda.values(out)).as("step " + step).isEqualTo(expected);
        }
    }

    @Test
    void emptyRowsAreFine() {
        Stream.of(pair.scalar, pair.cuda).forEach(side -> {
            Tensor none = side.context.allocate(0, 64);
            side.context.embed(side.weight(new float[64], 1, 64), new int[0], none);
            side.context.add(none, none);
            side.context.greedy(side.context.allocateFloats(0, 64), GreedyCandidates.of(0));
            assertThat(side.values(none)).isEmpty();
        });
        assertThat(Arrays.asList(pair.cuda.backend.info().name())).containsExactly("cuda");
    }
}
