package dev.sparsed.diffusion;

import dev.sparsed.Commit;
import dev.sparsed.GenerationListener;
import dev.sparsed.PhaseTimings;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.List;

/**
 * The heart of the library: denoise a canvas step by step. In every step the model predicts the masks of the current block, a sampler
 * turns the prediction into candidates, and the most confident ones are committed; the others stay masked for later steps.
 *
 * @param denoiser the model
 * @param plan how attention looks, step by step
 * @param schedule which block a step works on, and how many masks it commits
 * @param sampler turns logits into candidates
 * @param context where the logits live
 * @param listener hears of every step
 */
public record DenoisingLoop(
        Denoiser denoiser,
        AttentionPlan plan,
        StepSchedule schedule,
        Sampler sampler,
        ExecutionContext context,
        GenerationListener listener) {

    /**
     * Denoises until the last step.
     *
     * @param canvas prompt and masks; holds no mask afterwards
     * @return what the steps took
     */
    public PhaseTimings run(Canvas canvas) {
        PhaseTimings timings = PhaseTimings.NONE;
        int[] tokens = new int[canvas.length()]; // what the denoiser sees in a step; every step reuses it
        for (int step = 0; step < schedule.steps(); step++) {
            long begin = System.nanoTime();
            AttentionMode attention = plan.at(step);
            List<Commit> commits = step(canvas, tokens, step, attention);
            long nanos = System.nanoTime() - begin;
            timings = timings.plus(attention, nanos);
            listener.onStep(new StepEvent(step, schedule.steps(), attention, commits, canvas.masksLeft(), nanos));
        }
        return timings;
    }

    private List<Commit> step(Canvas canvas, int[] tokens, int step, AttentionMode attention) {
        int blockStart = canvas.promptLength() + schedule.blockStart(step);
        Positions eligible = canvas.masks(blockStart, blockStart + schedule.blockLength());
        if (eligible.count() == 0 && attention != AttentionMode.DENSE_AND_SELECT) {
            return List.of(); // more steps than masks: the block is complete
        }
        canvas.copyTo(tokens);
        Tensor logits = denoiser.logits(tokens, attention, eligible);
        Candidates candidates = sampler.sample(logits, eligible, step, context);
        List<Commit> commits = candidates.mostConfident(schedule.commits(step));
        commits.forEach(commit -> canvas.commit(commit.position(), commit.token()));
        return commits;
    }
}
