package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.SparseD;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.CommitRule;
import dev.sparsed.diffusion.EntropyBound;
import dev.sparsed.diffusion.EvenSchedule;
import dev.sparsed.diffusion.Factor;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.diffusion.Threshold;
import dev.sparsed.diffusion.TimestepSchedule;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every sampler with every rule, cache, policy and feature: it generates, or it is refused in words, as docs/semantics.md lists. */
class CombinationsTest {

    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final int MASK = 159;
    private static final int SAMPLES = 400;

    private static final List<@Nullable CommitRule> RULES = Arrays.asList(
            null,
            new EvenSchedule(),
            new TimestepSchedule(0.01),
            new Threshold(0.3),
            new Factor(2),
            new EntropyBound(1));

    private record Combination(
            @Nullable Remasking remasking,
            @Nullable CommitRule rule,
            CacheMode cache,
            AttentionPolicy policy,
            double cfgScale,
            double algTemp,
            double temperature,
            boolean infill,
            boolean stopAtEos) {

        static Combination random(Random random) {
            Remasking[] remaskings = Remasking.values();
            int remasking = random.nextInt(remaskings.length + 1);
            return new Combination(
                    remasking == remaskings.length ? null : remaskings[remasking],
                    RULES.get(random.nextInt(RULES.size())),
                    CacheMode.values()[random.nextInt(3)],
                    random.nextBoolean() ? AttentionPolicy.dense() : new SparseD(0.1, 0.4, 8).afterSteps(2),
                    random.nextInt(3) == 0 ? 1.5 : 0,
                    random.nextInt(3) == 0 ? 0.5 : 0,
                    random.nextBoolean() ? 0.8 : 0,
                    random.nextInt(4) == 0,
                    random.nextInt(4) == 0);
        }

        GenerationRequest request() {
            GenerationRequest.Builder request = GenerationRequest.builder()
                    .promptTokens(
                            IntStream.range(0, 13).map(i -> (i * 37 + 11) % 150).toArray())
                    .genLength(12)
                    .blockLength(6)
                    .steps(8)
                    .cache(cache)
                    .policy(policy)
                    .cfgScale(cfgScale)
                    .algTemp(algTemp)
                    .temperature(temperature)
                    .stopAtEos(stopAtEos);
            if (remasking != null) {
                request.remasking(remasking);
            }
            if (rule != null) {
                request.commitRule(rule);
            }
            if (infill) {
                request.infill(-1, 5, -1, -1, 6, 7, -1, -1, 8, -1, -1, -1);
            }
            return request.build();
        }

        /** The list of docs/semantics.md, field by field. */
        Set<Refusal> refusals() {
            Set<Refusal> refusals = EnumSet.noneOf(Refusal.class);
            boolean parallel = rule instanceof Threshold || rule instanceof Factor || rule instanceof EntropyBound;
            boolean origin = remasking == Remasking.ORIGIN;
            if (origin && rule != null && !(rule instanceof TimestepSchedule)) {
                refusals.add(Refusal.REMASKING);
            }
            if ((rule instanceof Threshold || rule instanceof Factor)
                    && (remasking == Remasking.RANDOM || remasking == Remasking.ENTROPY || origin)) {
                refusals.add(Refusal.REMASKING);
            }
            if (algTemp > 0 && (origin || parallel)) {
                refusals.add(Refusal.ALGTEMP);
            }
            if (infill && stopAtEos) {
                refusals.add(Refusal.STOPATEOS);
            }
            return refusals;
        }
    }

    private enum Refusal {
        REMASKING,
        ALGTEMP,
        STOPATEOS
    }

    @ParameterizedTest
    @ValueSource(strings = {"llada-gqa", "dream-gqa"})
    void worksOrIsRefusedInWords(String folder) {
        Random random = new Random(11);
        int refused = 0;
        try (DiffusionModel model = DiffusionModel.load(GOLDEN.resolve(folder))) {
            for (int i = 0; i < SAMPLES; i++) {
                Combination combination = Combination.random(random);
                Set<Refusal> expected = combination.refusals();
                Throwable thrown = catchThrowable(() -> check(combination, model.generate(combination.request())));
                if (expected.isEmpty()) {
                    assertThat(thrown).as(combination.toString()).isNull();
                } else {
                    refused++;
                    assertThat(thrown).as(combination.toString()).isInstanceOf(InvalidRequestException.class);
                    String field = ((InvalidRequestException) thrown).field();
                    assertThat(expected).as(combination.toString()).contains(Refusal.valueOf(field.toUpperCase()));
                }
            }
        }
        assertThat(refused).isBetween(SAMPLES / 5, SAMPLES * 4 / 5);
    }

    private static void check(Combination combination, GenerationResult result) {
        int[] tokens = result.tokens();
        if (result.stopped()) {
            assertThat(combination.stopAtEos).isTrue();
        } else {
            assertThat(tokens).hasSize(12);
        }
        assertThat(tokens).doesNotContain(MASK);
        for (float logProbability : result.logProbabilities()) {
            assertThat(Float.isNaN(logProbability) ? combination.infill : logProbability <= 0)
                    .isTrue();
        }
        if (combination.infill) {
            assertThat(new int[] {tokens[1], tokens[4], tokens[5], tokens[8]}).containsExactly(5, 6, 7, 8);
        }
    }
}
