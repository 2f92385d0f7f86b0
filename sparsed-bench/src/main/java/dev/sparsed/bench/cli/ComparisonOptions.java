package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.diffusion.CacheMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Caches, commit rules and policies that are compared in all combinations. */
final class ComparisonOptions {

    @Option(
            names = "--compare",
            description = "Compare: solve the tasks with every combination of --caches, --rules and --policies.")
    private boolean compare;

    @Option(
            names = "--caches",
            paramLabel = "NAME",
            split = ",",
            defaultValue = "none,prefix,dual",
            description = "With --compare: none, prefix, dual. Default: all of them.")
    private List<CacheMode> caches = List.of();

    @Option(
            names = "--rules",
            paramLabel = "RULE",
            split = ",",
            defaultValue = "fixed,threshold=0.9,factor=1,entropy-bound=0.1",
            description = "With --compare: fixed (the schedule of the model's family), threshold=X, factor=X,"
                    + " entropy-bound=X. Default: ${DEFAULT-VALUE}.")
    private List<String> rules = List.of();

    @Option(
            names = "--policies",
            paramLabel = "NAME",
            converter = PolicyOptions.PolicyName.class,
            split = ",",
            defaultValue = "dense,sparsed",
            description = "With --compare: names of --policy; each takes those of the settings given that it has."
                    + " Default: ${DEFAULT-VALUE}.")
    private List<PolicyOptions.Policy> policies = List.of();

    /** {@return whether to compare} */
    boolean isGiven() {
        return compare;
    }

    /**
     * All combinations.
     *
     * @param sampling what they have in common
     * @return at least one setting
     * @throws IllegalArgumentException if a rule is not known
     */
    List<Setting> settings(SamplingOptions sampling) {
        List<Setting> settings = new ArrayList<>();
        for (PolicyOptions.Policy policy : policies) {
            AttentionPolicy attention = sampling.policy(policy);
            for (CacheMode cache : caches) {
                for (String rule : rules) {
                    setRule(rule, GenerationRequest.builder()); // a wrong one should not have to wait for its turn
                    settings.add(new Setting(lower(cache), rule, policy.toString(), request -> {
                        sampling.apply(request, attention);
                        request.cache(cache);
                        setRule(rule, request);
                    }));
                }
            }
        }
        return settings;
    }

    private static void setRule(String rule, GenerationRequest.Builder request) {
        String[] parts = rule.split("=", 2);
        switch (parts[0]) {
            case "fixed" -> {
                if (parts.length > 1) {
                    throw new IllegalArgumentException("--rules " + rule + ": fixed has no number");
                }
            }
            case "threshold" -> request.threshold(number(rule, parts));
            case "factor" -> request.factor(number(rule, parts));
            case "entropy-bound" -> request.entropyBound(number(rule, parts));
            default ->
                throw new IllegalArgumentException(
                        "--rules " + rule + ": there are fixed, threshold=X, factor=X and entropy-bound=X");
        }
    }

    private static double number(String rule, String[] parts) {
        try {
            return Double.parseDouble(parts.length > 1 ? parts[1] : "");
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("--rules " + rule + ": needs a number, such as " + parts[0] + "=0.9", e);
        }
    }

    private static String lower(Enum<?> name) {
        return name.name().toLowerCase(Locale.ROOT);
    }
}
