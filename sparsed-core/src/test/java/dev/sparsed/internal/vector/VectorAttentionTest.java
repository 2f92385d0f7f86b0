package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@link VectorAttention} promises beside right results: they depend on nothing but the arguments. */
class VectorAttentionTest {

    private static final HeadLayout HEADS = new HeadLayout(4, 2, 24);
    private static final int LENGTH = 301;
    private static final SelectionRule RULE = new RatioRule(new BlockLayout(LENGTH, 90, 20), 0.3);

    private final Matrix q = gaussian(1, HEADS.queryColumns());
    private final Matrix k = gaussian(2, HEADS.keyValueColumns());
    private final Matrix v = gaussian(3, HEADS.keyValueColumns());

    private static Matrix gaussian(long seed, int columns) {
        Random random = new Random(seed);
        Matrix matrix = Matrix.zeros(LENGTH, columns);
        for (int i = 0; i < matrix.data().length; i++) {
            matrix.data()[i] = (float) (2 * random.nextGaussian());
        }
        return matrix;
    }

    /** Dense, dense that selects with its log-sum-exp and pattern, and block-sparse. */
    private record Results(float[] dense, float[] selecting, float[] logSumExp, BlockPattern pattern, float[] sparse) {

        void assertSame(Results other) {
            assertThat(dense).isEqualTo(other.dense);
            assertThat(selecting).isEqualTo(other.selecting);
            assertThat(logSumExp).isEqualTo(other.logSumExp);
            assertThat(pattern).isEqualTo(other.pattern);
            assertThat(sparse).isEqualTo(other.sparse);
        }
    }

    private Results run(VectorAttention attention) {
        Matrix dense = Matrix.zeros(LENGTH, HEADS.queryColumns());
        Matrix logSumExp = Matrix.zeros(LENGTH, HEADS.queryHeads());
        Matrix selecting = Matrix.zeros(LENGTH, HEADS.queryColumns());
        Matrix sparse = Matrix.zeros(LENGTH, HEADS.queryColumns());
        attention.dense(q, k, v, HEADS, dense, null);
        BlockPattern pattern = attention.denseAndSelect(q, k, v, HEADS, selecting, logSumExp, RULE);
        attention.blockSparse(q, Positions.range(0, LENGTH), k, v, HEADS, pattern, sparse, null);
        return new Results(dense.data(), selecting.data(), logSumExp.data(), pattern, sparse.data());
    }

    private Results run(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            return run(new VectorAttention(pool));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void resultsDoNotDependOnTheNumberOfThreads(int threads) {
        run(threads).assertSame(run(1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 20_000})
    void resultsDoNotDependOnHowManyHeadsArePackedAtOnce(int packedFloats) {
        try (WorkerPool pool = new WorkerPool(2)) {
            run(new VectorAttention(pool, packedFloats)).assertSame(run(1));
        }
    }

    @Test
    void resultsDoNotDependOnWhatTheScratchMemoryHolds() {
        try (WorkerPool pool = new WorkerPool(2)) {
            VectorAttention attention = new VectorAttention(pool);
            HeadLayout other = new HeadLayout(2, 1, 80);
            Matrix large = Matrix.zeros(700, other.queryColumns());
            Arrays.fill(large.data(), 3e4f);
            attention.dense(large, Matrix.zeros(700, 80), Matrix.zeros(700, 80), other, Matrix.zeros(700, 160), null);
            run(attention).assertSame(run(1));
            run(attention).assertSame(run(1));
        }
    }

    @Test
    void aRowDoesNotDependOnTheOtherRowsOfTheCall() {
        Results whole = run(2);
        int[] rows = {0, 19, 20, 21, 77, 140, 300};
        Matrix gathered = Matrix.zeros(rows.length, q.columns());
        for (int i = 0; i < rows.length; i++) {
            System.arraycopy(q.data(), q.row(rows[i]), gathered.data(), gathered.row(i), q.columns());
        }
        Matrix dense = Matrix.zeros(rows.length, q.columns());
        Matrix sparse = Matrix.zeros(rows.length, q.columns());
        try (WorkerPool pool = new WorkerPool(1)) {
            VectorAttention attention = new VectorAttention(pool);
            attention.dense(gathered, k, v, HEADS, dense, null);
            attention.blockSparse(gathered, Positions.of(rows), k, v, HEADS, whole.pattern, sparse, null);
        }
        for (int i = 0; i < rows.length; i++) {
            int from = q.row(rows[i]);
            int to = from + q.columns();
            assertThat(Arrays.copyOfRange(dense.data(), dense.row(i), dense.row(i) + q.columns()))
                    .isEqualTo(Arrays.copyOfRange(whole.dense, from, to));
            assertThat(Arrays.copyOfRange(sparse.data(), sparse.row(i), sparse.row(i) + q.columns()))
                    .isEqualTo(Arrays.copyOfRange(whole.sparse, from, to));
        }
    }

    @Test
    void noRowsAreNoWork() {
        try (WorkerPool pool = new WorkerPool(2)) {
            VectorAttention attention = new VectorAttention(pool);
            Matrix none = Matrix.zeros(0, q.columns());
            attention.dense(none, k, v, HEADS, none, Matrix.zeros(0, HEADS.queryHeads()));
            BlockPattern pattern = BlockPattern.full(RULE.layout(), HEADS.queryHeads());
            attention.blockSparse(none, Positions.of(), k, v, HEADS, pattern, none, null);
        }
    }
}
