package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.Commit;
import dev.sparsed.spi.Positions;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepScheduleTest {

    @ParameterizedTest
    @CsvSource({"32, 32, 32", "32, 8, 16", "30, 10, 12", "96, 96, 7", "16, 16, 1", "16, 4, 64", "1, 1, 1"})
    void everyBlockCommitsAllItsMasks(int generation, int block, int steps) {
        StepSchedule schedule = new StepSchedule(generation, block, steps);
        int[] committed = new int[generation / block];
        for (int step = 0; step < steps; step++) {
            assertThat(schedule.blockStart(step) % block).isZero();
            committed[schedule.blockStart(step) / block] += schedule.commits(step);
        }
        assertThat(committed).containsOnly(block);
    }

    @Test
    void theFirstStepsOfABlockCommitOneMore() {
        StepSchedule schedule = new StepSchedule(30, 10, 12); // 10 masks in 4 steps
        assertThat(IntStream.range(0, 12).map(schedule::commits).toArray())
                .containsExactly(3, 3, 2, 2, 3, 3, 2, 2, 3, 3, 2, 2);
        assertThat(IntStream.range(0, 12).map(schedule::blockStart).distinct().toArray())
                .containsExactly(0, 10, 20);
    }

    @Test
    void refusesWhatDoesNotDivide() {
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(30, 7, 30));
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(32, 8, 6));
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(32, 8, 0));
    }

    @Test
    void theMostConfidentAreTakenAndTiesGoToTheLowerPosition() {
        Candidates candidates = new Candidates(
                Positions.of(3, 5, 8, 9, 12), new int[] {30, 50, 80, 90, 120}, new float[] {0.5f, 1f, 0.5f, 1f, 0.5f});
        assertThat(candidates.mostConfident(4))
                .containsExactly(
                        new Commit(3, 30, 0.5f), new Commit(5, 50, 1f), new Commit(8, 80, 0.5f), new Commit(9, 90, 1f));
        assertThat(candidates.mostConfident(9)).hasSize(5);
        assertThat(candidates.mostConfident(0)).isEqualTo(List.of());
    }

    @Test
    void theCanvasKnowsItsMasks() {
        Canvas canvas = new Canvas(new int[] {7, 8}, 4, 99);
        assertThat(canvas.tokens()).containsExactly(7, 8, 99, 99, 99, 99);
        canvas.commit(3, 5);
        assertThat(canvas.masks(2, 5).toArray()).containsExactly(2, 4);
        assertThat(canvas.masksLeft()).isEqualTo(3);
        assertThat(canvas.generated()).containsExactly(99, 5, 99, 99);
    }
}
