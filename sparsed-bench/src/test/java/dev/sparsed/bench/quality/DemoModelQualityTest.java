package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.LoadOptions;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.SparseD;
import dev.sparsed.bench.DemoModel;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** A sample of what {@code sparsed quality} runs in full: the demo model answers as it was trained to, dense and with SparseD. */
@TestInstance(Lifecycle.PER_CLASS)
class DemoModelQualityTest {

    private static final Set<String> SHORT = Set.of("add", "sub", "sort", "reverse");

    /** {@code -Dsparsed.test.backends=cuda} names another than every machine has. */
    private static final String BACKEND = System.getProperty("sparsed.test.backends", "vector");

    private DemoModel demo;
    private DiffusionModel model;
    private List<Task> tasks;

    @BeforeAll
    void load() throws IOException {
        demo = DemoModel.open();
        model = DiffusionModel.load(demo.folder(), LoadOptions.DEFAULT.withBackend(BACKEND));
        try (InputStream in = DemoModel.tasks()) {
            tasks = TaskFile.read(in, "the demo model's tasks");
        }
    }

    @AfterAll
    void close() {
        model.close();
        demo.close();
    }

    @Test
    void solvesArithmeticSortingAndReversing() {
        List<Task> all =
                tasks.stream().filter(task -> SHORT.contains(task.name())).toList();
        assertThat(all).hasSize(24);
        assertThat(solved(all, AttentionPolicy.dense())).isEqualTo(24);
    }

    @Test
    void solvesASudoku() {
        List<Task> one = tasks.stream()
                .filter(task -> task.name().equals("sudoku"))
                .limit(1)
                .toList();
        assertThat(solved(one, AttentionPolicy.dense())).isEqualTo(1);
        assertThat(solved(one, Coverage.shortContext())).isEqualTo(1);
    }

    @Test
    void findsNeedlesDenseAndWithSparseD() {
        List<Task> sample = Stream.of("single@512", "multikey@512", "multivalue@512", "multiquery@512", "multikey@2048")
                .map(kind -> tasks.stream()
                        .filter(task -> (task.name() + "@" + task.length()).equals("niah_" + kind))
                        .findFirst()
                        .orElseThrow())
                .toList();
        assertThat(solved(sample, AttentionPolicy.dense())).isEqualTo(sample.size());
        assertThat(solved(sample, new SparseD(0.2, 0.3, 32))).isEqualTo(sample.size());
    }

    private int solved(List<Task> sample, AttentionPolicy policy) {
        QualityRun run = new QualityRun(model, request -> request.policy(policy), GenerationListener.NONE);
        int solved = 0;
        for (Task task : sample) {
            TaskOutcome outcome = run.run(task);
            assertThat(outcome.density() < 1).isEqualTo(policy != AttentionPolicy.dense());
            solved += outcome.solved() ? 1 : 0;
        }
        return solved;
    }
}
