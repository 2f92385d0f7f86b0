package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What quantization changes, and what it does not. */
@TestTiles.Required
class AmxBackendTest {

    private static final int ROWS = 40;
    private static final int IN = 96;
    private static final int OUT = 50;

    private final float[] x = random(1, ROWS * IN);
    private final HostTensor weight = weight(random(2, OUT * IN));

    @Test
    void quantizesTheWeightsOfLinearLayersAlone() {
        float[] exact = product(Quantization.NONE, true);
        assertThat(product(Quantization.INT8, false)).containsExactly(exact);
        float[] quantized = product(Quantization.INT8, true);
        double error = 0;
        double magnitude = 0;
        for (int i = 0; i < exact.length; i++) {
            error += Math.pow(quantized[i] - exact[i], 2);
            magnitude += Math.pow(exact[i], 2);
        }
        // Rounding to a 127th of the largest is off by 127⁻¹/√12, the values are 1/√3, in the mean square; of two
        // factors: 0.56 %.
        assertThat(Math.sqrt(error / magnitude)).isBetween(4e-3, 7.5e-3);
    }

    @Test
    void refusesWhatAmxHasNot() {
        assertThatThrownBy(() -> AmxBackendProvider.open(
                        new BackendOptions(1, DType.BF16, Quantization.FP8), TestTiles.library()))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContainingAll("amx", "FP8", "cuda");
    }

    @Test
    void kernelsThatCannotBeLoadedAreAReason(@TempDir Path folder) throws IOException {
        Path text = Files.writeString(folder.resolve("libsparsed_amx.so"), "no library");
        assertThat(AmxBackendProvider.cannotLoad(() -> text))
                .hasValueSatisfying(reason -> assertThat(reason).contains("libsparsed_amx.so", "cannot be loaded"));
        assertThat(AmxBackendProvider.cannotLoad(() -> {
                    throw new BackendUnavailableException("no folder");
                }))
                .contains("no folder");
        assertThat(AmxBackendProvider.cannotLoad(TestTiles::library)).isEmpty();
    }

    private float[] product(Quantization quantization, boolean linear) {
        float[] result = new float[ROWS * OUT];
        try (Backend backend =
                        AmxBackendProvider.open(new BackendOptions(2, DType.BF16, quantization), TestTiles.library());
                ExecutionContext context = backend.newContext()) {
            assertThat(backend.info().device().contains("8-bit integers")).isEqualTo(quantization == Quantization.INT8);
            Tensor out = context.allocate(ROWS, OUT);
            Tensor w = linear ? backend.uploadLinear(weight) : backend.upload(weight);
            context.linear(backend.constant(x, ROWS, IN), w, null, out);
            context.download(out, result);
        }
        return result;
    }

    private static float[] random(int seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat(-1, 1);
        }
        return values;
    }

    private static HostTensor weight(float[] values) {
        MemorySegment data = Arena.ofAuto().allocate(4L * values.length, 4);
        MemorySegment.copy(values, 0, data, ValueLayout.JAVA_FLOAT, 0, values.length);
        return new HostTensor("weight", DType.F32, List.of((long) OUT, (long) IN), data);
    }
}
