package dev.sparsed.bench.quality;

/**
 * One way to generate, of several that are compared.
 *
 * @param cache which keys and values are kept, in a word
 * @param rule how many candidates a step commits, in a word
 * @param policy how attention looks, in a word
 * @param settings sets it on a request
 */
public record Setting(String cache, String rule, String policy, QualityRun.Settings settings) {}
