package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.NonFiniteLogitsException;
import dev.sparsed.internal.scalar.ScalarBackendProvider;
import dev.sparsed.internal.vector.VectorBackendProvider;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Damaged weights end in logits that say nothing: an error, not an arbitrary token. */
class LogitsWithoutSoftmaxTest {

    private static final BackendOptions OPTIONS = new BackendOptions(1, DType.F32);

    static Stream<Arguments> cases() {
        List<BackendProvider> backends = List.of(new ScalarBackendProvider(), new VectorBackendProvider());
        return Stream.of(0.0, 1.0)
                .flatMap(temperature -> Stream.of(32, 37)
                        .flatMap(vocabulary ->
                                backends.stream().map(backend -> Arguments.of(temperature, vocabulary, backend))));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void areRefused(double temperature, int vocabulary, BackendProvider provider) {
        float[] good = new float[vocabulary];
        good[2] = 50;
        float[] oneNan = good.clone();
        oneNan[3] = Float.NaN;
        float[] lastNan = good.clone();
        lastNan[vocabulary - 1] = Float.NaN;
        float[] infinite = good.clone();
        infinite[0] = Float.POSITIVE_INFINITY;
        float[] allNan = filled(vocabulary, Float.NaN);
        float[] impossible = filled(vocabulary, Float.NEGATIVE_INFINITY);
        Sampler sampler = new Sampler(
                new TokenFilter(temperature, 1, 0), new LowConfidence(), 0, LogitAdjustment.NONE, 5, false, 1);
        try (Backend backend = provider.open(OPTIONS);
                ExecutionContext context = backend.newContext()) {
            for (float[] bad : List.of(oneNan, lastNan, infinite, allNan, impossible)) {
                assertThatThrownBy(() -> sample(sampler, backend, context, good, bad))
                        .as(provider.name() + " " + Arrays.toString(bad))
                        .isInstanceOf(NonFiniteLogitsException.class)
                        .hasMessageContainingAll("step 7, position 9:", "NaN", "weights");
            }
            assertThat(sample(sampler, backend, context, good, good).tokens()).containsExactly(2, 2);
        }
    }

    private static Candidates sample(
            Sampler sampler, Backend backend, ExecutionContext context, float[] first, float[] second) {
        float[] rows = Arrays.copyOf(first, 2 * first.length);
        System.arraycopy(second, 0, rows, first.length, second.length);
        return sampler.sample(backend.constant(rows, 2, first.length), Positions.of(4, 9), 7, context);
    }

    private static float[] filled(int count, float value) {
        float[] row = new float[count];
        Arrays.fill(row, value);
        return row;
    }
}
