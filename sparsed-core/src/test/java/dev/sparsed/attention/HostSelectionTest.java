package dev.sparsed.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The policies that select on the host, against their definitions in float64, entry by entry. */
class HostSelectionTest {

    private static final int HEADS = 4;
    private static final int KEY_HEADS = 2;
    private static final int DIM = 6;

    private final Random random = new Random(5);

    private QueriesAndKeys operands(int canvas) {
        return new QueriesAndKeys(
                canvas, HEADS, KEY_HEADS, DIM, gaussian(canvas * HEADS * DIM), gaussian(canvas * KEY_HEADS * DIM));
    }

    private float[] gaussian(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = 1.5f * (float) random.nextGaussian();
        }
        return values;
    }

    private static BlockPattern select(AttentionPolicy policy, QueriesAndKeys operands, int generation) {
        AttentionPlan plan = policy.plan(new GenerationShape(operands.canvasLength(), generation, 10, 1, HEADS));
        return plan.hostSelection().orElseThrow().select(operands);
    }

    /** q_row·k_column / √D of a head; 0 beyond the canvas. */
    private static double score(QueriesAndKeys in, int head, int row, int column) {
        if (row >= in.canvasLength() || column >= in.canvasLength()) {
            return 0;
        }
        double sum = 0;
        for (int d = 0; d < DIM; d++) {
            sum += (double) in.queries()[(row * HEADS + head) * DIM + d]
                    * in.keys()[(column * KEY_HEADS + head / (HEADS / KEY_HEADS)) * DIM + d];
        }
        return sum / Math.sqrt(DIM);
    }

    private static double[] softmax(double[] scores) {
        double sum = IntStream.range(0, scores.length)
                .mapToDouble(i -> Math.exp(scores[i]))
                .sum();
        return IntStream.range(0, scores.length)
                .mapToDouble(i -> Math.exp(scores[i]) / sum)
                .toArray();
    }

    private static List<Integer> byImportance(double[] importance) {
        return IntStream.range(0, importance.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> -importance[i]))
                .toList();
    }

    @ParameterizedTest
    @CsvSource({"22, 8, 4, 0.7", "64, 16, 8, 0.9", "61, 12, 3, 0.8", "40, 8, 1, 0.6", "5, 8, 8, 0.9"})
    void antidiagonalsCoverTheEstimate(int canvas, int blockSize, int stride, double coverage) {
        QueriesAndKeys in = operands(canvas);
        BlockPattern pattern = select(new Antidiagonal(0.2, coverage, stride, blockSize), in, canvas / 3);
        int groups = (canvas + stride - 1) / stride;
        int blocks = pattern.layout().blocks();
        assertThat(blocks).isEqualTo((canvas + blockSize - 1) / blockSize);
        for (int head = 0; head < HEADS; head++) {
            double[][] importance = new double[blocks][blocks];
            for (int g = 0; g < groups; g++) {
                double[] sums = new double[groups];
                for (int c = 0; c < groups; c++) {
                    for (int i = 0; i < stride; i++) { // i + j = S − 1 within the tile
                        sums[c] += score(in, head, g * stride + i, c * stride + (stride - 1 - i)) / stride;
                    }
                }
                double[] estimate = softmax(sums);
                for (int c = 0; c < groups; c++) {
                    importance[g * stride / blockSize][c * stride / blockSize] += estimate[c];
                }
            }
            for (int queryBlock = 0; queryBlock < blocks; queryBlock++) {
                double[] row = importance[queryBlock];
                double all = Arrays.stream(row).sum();
                List<Integer> expected = new ArrayList<>();
                double covered = 0;
                for (int block : byImportance(row)) {
                    if (covered >= coverage * all) {
                        break;
                    }
                    covered += row[block];
                    expected.add(block);
                }
                assertThat(kept(pattern, head, queryBlock)).containsExactlyInAnyOrderElementsOf(expected);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"22, 8, 0.7", "150, 16, 0.3", "129, 16, 0.5", "7, 8, 0.3", "96, 8, 0"})
    void verticalAndSlashLinesAreTheMostImportantOnes(int canvas, int blockSize, double select) {
        QueriesAndKeys in = operands(canvas);
        BlockPattern pattern = select(new VerticalSlash(0.2, select, blockSize), in, canvas / 3);
        int blocks = pattern.layout().blocks();
        int lines = Math.min(blocks, (int) (blocks * select) + 1);
        for (int head = 0; head < HEADS; head++) {
            double[] columns = new double[blocks];
            double[] slashes = new double[2 * blocks];
            for (int row = Math.max(0, canvas - 64); row < canvas; row++) {
                double[] scores = new double[canvas];
                for (int column = 0; column < canvas; column++) {
                    scores[column] = score(in, head, row, column);
                }
                double[] attention = softmax(scores);
                for (int column = 0; column < canvas; column++) {
                    columns[column / blockSize] += attention[column];
                    slashes[row / blockSize - column / blockSize + blocks] += attention[column];
                }
            }
            List<Integer> vertical = byImportance(columns).subList(0, (lines + 1) / 2);
            List<Integer> slash = byImportance(slashes).subList(0, lines / 2);
            for (int queryBlock = 0; queryBlock < blocks; queryBlock++) {
                int i = queryBlock;
                List<Integer> expected = IntStream.range(0, blocks)
                        .filter(j -> vertical.contains(j) || slash.contains(i - j + blocks))
                        .boxed()
                        .toList();
                assertThat(kept(pattern, head, queryBlock)).isEqualTo(expected);
                assertThat(expected).hasSizeLessThanOrEqualTo(lines);
            }
        }
    }

    private static List<Integer> kept(BlockPattern pattern, int head, int queryBlock) {
        return IntStream.range(0, pattern.layout().blocks())
                .filter(block -> pattern.isKept(head, queryBlock, block))
                .boxed()
                .toList();
    }

    @Test
    void refusesWhatMakesNoSense() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Antidiagonal(0.2, 0.9, 5, 32))
                .withMessageContaining("stride = 5: must be at least 1 and divide blockSize = 32");
        assertThatIllegalArgumentException().isThrownBy(() -> new Antidiagonal(0.2, 1.1, 8, 32));
        assertThatIllegalArgumentException().isThrownBy(() -> new VerticalSlash(-1, 0.5, 32));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new QueriesAndKeys(2, 4, 2, 3, new float[24], new float[11]))
                .withMessageContaining("24 query and 11 key values do not make 2 rows");
    }
}
