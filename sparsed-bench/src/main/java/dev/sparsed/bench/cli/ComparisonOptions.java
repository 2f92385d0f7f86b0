package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.diffusion.CacheMode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Option;

/** Caches, commit rules and policies that are compared in all combinations; one of each if none is given. */
final class ComparisonOptions {

    private static final List<CacheMode> ALL_CACHES = List.of(CacheMode.values());
    private static final List<String> ALL_RULES = List.of("fixed", "threshold=0.9", "factor=1", "entropy-bound=0.1");

    @Option(
            names = "--compare",
            description = "Compare caches and commit rules: as --caches none,prefix,dual --rules"
                    + " fixed,threshold=0.9,factor=1,entropy-bound=0.1 --policies dense,sparsed, where not given.")
    private boolean compare;

    @Option(names = "--caches", paramLabel = "NAME", split = ",", description = "Compare caches: none, prefix, dual.")
    private List<CacheMode> caches = List.of();

    @Option(
            names = "--rules",
            paramLabel = "RULE",
            split = ",",
            description = "Compare commit rules: fixed (the schedule of the model's family), threshold=X, factor=X,"
                    + " entropy-bound=X.")
    private List<String> rules = List.of();

    @Option(
            names = "--policies",
            paramLabel = "SPEC",
            split = ",",
            description = "Compare policies: names of --policy, each with settings of its own, such as"
                    + " dense,sparsed:select=0.3,sparsed:select=0.5:block-size=16; where it says nothing, it takes those"
                    + " given beside it.")
    private List<String> policies = List.of();

    /** {@return whether to compare} */
    boolean isGiven() {
        return compare || !caches.isEmpty() || !rules.isEmpty() || !policies.isEmpty();
    }

    /**
     * All combinations of what is compared; the rest is as the other options have it.
     *
     * @param sampling the other options
     * @param measured whether to measure what patterns keep of the attention
     * @return at least one setting
     * @throws IllegalArgumentException if a rule or a policy is not known
     */
    List<Setting> settings(SamplingOptions sampling, boolean measured) {
        List<CacheMode> theCaches = caches.isEmpty() ? compare ? ALL_CACHES : List.of(sampling.cache()) : caches;
        List<String> theRules = rules.isEmpty() ? compare ? ALL_RULES : List.of("") : rules;
        List<Setting> settings = new ArrayList<>();
        for (PolicyOptions policy : policies(sampling.policy())) {
            AttentionPolicy plain = policy.policy();
            AttentionPolicy attention = measured ? plain.measured() : plain;
            for (CacheMode cache : theCaches) {
                for (String rule : theRules) {
                    setRule(rule, GenerationRequest.builder()); // a wrong one should not have to wait for its turn
                    String name = rule.isEmpty() ? sampling.rule() : rule;
                    settings.add(new Setting(lower(cache), name, policy.spec(), request -> {
                        sampling.apply(request, attention);
                        request.cache(cache);
                        setRule(rule, request);
                    }));
                }
            }
        }
        return settings;
    }

    private List<PolicyOptions> policies(PolicyOptions given) {
        if (policies.isEmpty() && !compare) {
            return List.of(given);
        }
        List<String> specs = policies.isEmpty() ? List.of("dense", "sparsed") : policies;
        return specs.stream().map(given::with).toList();
    }

    private static void setRule(String rule, GenerationRequest.Builder request) {
        String[] parts = rule.split("=", 2);
        switch (parts[0]) {
            case "" -> {} // as the other options have it
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
