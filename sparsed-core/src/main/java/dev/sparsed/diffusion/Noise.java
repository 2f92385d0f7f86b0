package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/**
 * All random numbers of a generation. They depend on the seed, the step and the position alone: not on what else is
 * masked, nor on threads, nor on other requests.
 *
 * @param seed any number
 */
record Noise(long seed) {

    /** What the numbers of a position are for; each purpose has numbers of its own. */
    enum Purpose {
        /** Drawing a token. */
        TOKEN(0),
        /** A random confidence. */
        CONFIDENCE(0x632BE59BD9B4E019L),
        /** The order in which positions are committed. */
        ORDER(0x2545F4914F6CDD1DL);

        private final long stream;

        Purpose(long stream) {
            this.stream = stream;
        }
    }

    /**
     * {@return a generator of its own; {@link SplittableRandom} scrambles its seed, so that neighbours are unrelated}
     *
     * @param purpose what for
     * @param step denoising step
     * @param position canvas position
     */
    SplittableRandom at(Purpose purpose, int step, int position) {
        long stepSeed = new SplittableRandom(seed + step * 0x9E3779B97F4A7C15L).nextLong();
        return new SplittableRandom(new SplittableRandom(stepSeed ^ position ^ purpose.stream).nextLong());
    }

    /**
     * {@return a draw from the standard Gumbel distribution, −ln(−ln u)}
     *
     * @param random where the uniform u comes from
     */
    static double gumbel(SplittableRandom random) {
        return -Math.log(-Math.log(random.nextDouble()));
    }
}
