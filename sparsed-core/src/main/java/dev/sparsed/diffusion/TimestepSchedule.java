package dev.sparsed.diffusion;

/**
 * Dream's schedule: with the timesteps t = linspace(1, eps, k + 1) of a block's k steps and m masks left, step i
 * commits ⌊m·(1 − t_{i+1}/t_i)⌋ of them, which may be none. Timesteps and product are float32, as in the reference.
 *
 * @param eps the last timestep, &gt; 0 and &lt; 1
 */
public record TimestepSchedule(double eps) implements CommitRule {

    /** Dream's default for {@code eps}. */
    public static final double DEFAULT_EPS = 1e-3;

    /** Checks the range. */
    public TimestepSchedule {
        if (!(eps > 0 && eps < 1)) {
            throw new IllegalArgumentException("eps = " + eps + ": must be > 0 and < 1");
        }
    }

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        return candidates.first((int) (candidates.count() * share(step)));
    }

    /**
     * {@return 1 − t_{i+1}/t_i, the share of the masks that a step commits}
     *
     * @param step step i
     */
    float share(BlockStep step) {
        return 1 - timestep(step.index() + 1, step.count()) / timestep(step.index(), step.count());
    }

    /** As PyTorch's linspace in float32, which counts from the nearer end. */
    private float timestep(int index, int steps) {
        float last = (float) eps;
        float difference = (last - 1) / steps;
        return index < (steps + 1) / 2 ? 1 + difference * index : last - difference * (steps - index);
    }
}
