package dev.sparsed.diffusion;

import dev.sparsed.Commit;
import dev.sparsed.Forwards;
import dev.sparsed.GenerationListener;
import dev.sparsed.PhaseTimings;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The heart of the library: denoise a canvas step by step, block after block. In every step the model predicts the
 * masks of the current block, a sampler turns the prediction into candidates, and a rule commits some of them; the
 * others stay masked for later steps.
 *
 * @param denoiser the model
 * @param plan how attention looks, step by step
 * @param schedule how positions and steps split into blocks
 * @param cache which rows a step forwards
 * @param sampler turns logits into candidates
 * @param rule which candidates are committed
 * @param stop a finished block that it ends in is the last
 * @param hook may change the canvas after every step
 * @param context where the logits live
 * @param listener hears of every step
 */
public record DenoisingLoop(
        Denoiser denoiser,
        AttentionPlan plan,
        StepSchedule schedule,
        CacheSchedule cache,
        Sampler sampler,
        CommitRule rule,
        StopRule stop,
        TokensHook hook,
        ExecutionContext context,
        GenerationListener listener) {

    /**
     * What the steps took.
     *
     * @param timings by the kind of attention
     * @param forwards forward passes
     * @param denoised how many generated positions are done: G, or fewer if the stop rule ended the generation
     */
    public record Outcome(PhaseTimings timings, Forwards forwards, int denoised) {}

    /**
     * Denoises block after block.
     *
     * @param canvas prompt and masks; its first {@link Outcome#denoised} generated positions hold no mask afterwards
     * @return what the steps took
     */
    public Outcome run(Canvas canvas) {
        Outcome outcome = new Outcome(PhaseTimings.NONE, Forwards.NONE, 0);
        int step = 0;
        for (int block = 0; block < schedule.blocks(); block++) {
            int start = canvas.promptLength() + schedule.blockStart(block);
            int end = start + schedule.blockLength();
            int masks = canvas.masks(start, end).count();
            cache.invalidate();
            for (int i = 0; i < schedule.stepsPerBlock(); i++) {
                if (rule.isParallel() && canvas.masks(start, end).count() == 0) {
                    break;
                }
                BlockStep blockStep = new BlockStep(i, schedule.stepsPerBlock(), masks);
                outcome = step(canvas, step++, blockStep, start, end, outcome);
            }
            int denoised = end - canvas.promptLength();
            outcome = new Outcome(outcome.timings, outcome.forwards, denoised);
            if (stop.length(Arrays.copyOf(canvas.generated(), denoised)) < denoised) {
                break;
            }
        }
        return outcome;
    }

    private Outcome step(Canvas canvas, int step, BlockStep blockStep, int start, int end, Outcome before) {
        long begin = System.nanoTime();
        AttentionMode attention = plan.begin(step);
        Positions eligible = canvas.masks(start, end);
        Positions rows = Positions.range(0, 0);
        List<Commit> commits = new ArrayList<>();
        if (eligible.count() > 0 || attention.selects()) { // else the block is complete
            rows = cache.next(attention, start, end, canvas.length());
            Tensor logits = denoiser.logits(canvas.tokens(), attention, rows, eligible);
            Candidates candidates = sampler.sample(logits, eligible, step, context);
            commits.addAll(candidates.commits(chosen(candidates, blockStep, start, rows)));
            commits.forEach(canvas::commit);
            List<Commit> changes = canvas.apply(hook, step, start, logits.columns());
            if (!changes.isEmpty()) {
                cache.invalidate();
                commits.addAll(changes);
            }
        }
        long nanos = System.nanoTime() - begin;
        listener.onStep(new StepEvent(
                step,
                schedule.steps(),
                attention,
                attention.selects() ? plan.patterns() : List.of(),
                List.copyOf(commits),
                canvas.masksLeft(),
                rows,
                nanos));
        return new Outcome(
                before.timings.plus(attention, nanos),
                before.forwards.plus(rows.count(), canvas.length()),
                before.denoised);
    }

    private int[] chosen(Candidates candidates, BlockStep step, int blockStart, Positions rows) {
        if (candidates.count() == 0 || step.isLast()) {
            return IntStream.range(0, candidates.count()).toArray();
        }
        IntStream chosen = IntStream.of(rule.choose(candidates, step));
        boolean lead = cache.mustCommit(blockStart, rows).equals(candidates.firstPosition());
        return lead ? IntStream.concat(IntStream.of(0), chosen).distinct().toArray() : chosen.toArray();
    }
}
