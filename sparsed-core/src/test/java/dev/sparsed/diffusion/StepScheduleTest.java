package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.Commit;
import org.junit.jupiter.api.Test;

class StepScheduleTest {

    @Test
    void blocksFollowEachOther() {
        StepSchedule schedule = new StepSchedule(30, 10, 12);
        assertThat(schedule.blocks()).isEqualTo(3);
        assertThat(schedule.stepsPerBlock()).isEqualTo(4);
        assertThat(schedule.blockStart(2)).isEqualTo(20);
    }

    @Test
    void refusesWhatDoesNotDivide() {
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(30, 7, 30));
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(32, 8, 6));
        assertThatIllegalArgumentException().isThrownBy(() -> new StepSchedule(32, 8, 0));
    }

    @Test
    void theCanvasKnowsItsMasks() {
        Canvas canvas = Canvas.masked(new int[] {7, 8}, 4, 99);
        assertThat(canvas.tokens()).containsExactly(7, 8, 99, 99, 99, 99);
        canvas.commit(new Commit(3, 5, 1, -0.5f));
        assertThat(canvas.masks(2, 5).toArray()).containsExactly(2, 4);
        assertThat(canvas.masksLeft()).isEqualTo(3);
        assertThat(canvas.generated()).containsExactly(99, 5, 99, 99);
        assertThat(canvas.logProbabilities()).containsExactly(Float.NaN, -0.5f, Float.NaN, Float.NaN);
    }
}
