package dev.sparsed.bench.quality;

/**
 * One way to generate, of several that are compared.
 *
 * @param cache which keys and values are kept, in a word
 * @param rule how many candidates a step commits, in a word
 * @param policy how attention looks: a name and the settings given, such as {@code sparsed:select=0.3:block-size=32}
 * @param settings sets it on a request
 */
public record Setting(String cache, String rule, String policy, QualityRun.Settings settings) {

    /**
     * {@return whether another setting is this one with dense attention}
     *
     * @param other any
     */
    public boolean isDenseTwin(Setting other) {
        return other.policy.equals("dense") && other.cache.equals(cache) && other.rule.equals(rule);
    }
}
