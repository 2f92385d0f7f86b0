package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.SparseD;
import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.diffusion.Denoiser;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.Transformer;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What 8-bit floats do to the logits of a whole model: of the demo model, or that in the folder {@code sparsed.fp8.model}. */
@RequiresGpu
class Fp8ModelGpuTest {

    private static final String DEMO_MODEL = "sparsed-bench/src/main/resources/dev/sparsed/bench/demo-model";
    private static final int TOKENS = 1024;
    private static final int ELIGIBLE = 256;

    private static final String ATTENTION = "sparsed.cuda.fp8.attention";

    @AfterEach
    void restore() {
        System.clearProperty(ATTENTION);
    }

    @ParameterizedTest
    @CsvSource({"32, never", "128, never", "128, always"})
    void changesTheLogitsLittle(int blockSize, String attention) {
        System.setProperty(ATTENTION, attention);
        Path folder = Stream.of(System.getProperty("sparsed.fp8.model", ""), DEMO_MODEL, "../" + DEMO_MODEL)
                .filter(place -> !place.isEmpty())
                .map(Path::of)
                .filter(Files::isDirectory)
                .findFirst()
                .orElse(null);
        assumeTrue(folder != null, "no demo model");
        Map<AttentionMode, float[]> exact = logits(folder, DType.F32, Quantization.NONE, blockSize);
        Map<AttentionMode, float[]> bf16 = logits(folder, DType.BF16, Quantization.NONE, blockSize);
        Map<AttentionMode, float[]> fp8 = logits(folder, DType.BF16, Quantization.FP8, blockSize);
        for (AttentionMode mode : exact.keySet()) {
            double least = relativeError(bf16.get(mode), exact.get(mode));
            double error = relativeError(fp8.get(mode), exact.get(mode));
            System.out.printf(
                    "%s, B = %d, attention in fp8 %s: relative error of the logits bf16 %.4f, fp8 %.4f%n",
                    mode, blockSize, attention, least, error);
            assertThat(error).as(mode + ", bf16 has " + least).isBetween(1.5 * least, 0.06);
        }
    }

    private static double relativeError(float[] actual, float[] expected) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow((double) actual[i] - expected[i], 2);
            length += (double) expected[i] * expected[i];
        }
        return Math.sqrt(difference / length);
    }

    /** Of a dense and of a block-sparse step; each is run, recorded and replayed, and has to give the same every time. */
    private static Map<AttentionMode, float[]> logits(
            Path folder, DType dtype, Quantization quantization, int blockSize) {
        ModelConfig config = ModelConfig.read(folder);
        Map<AttentionMode, float[]> all = new EnumMap<>(AttentionMode.class);
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                CudaBackend backend = new CudaBackend(dtype, quantization)) {
            Transformer transformer = Transformer.load(checkpoint, config, TOKENS, backend);
            try (ExecutionContext context = backend.newContext()) {
                Denoiser pass = transformer.forwardPass(
                        context,
                        TOKENS,
                        ELIGIBLE,
                        new SparseD(0.2, 0.3, blockSize)
                                .plan(new GenerationShape(
                                        TOKENS,
                                        ELIGIBLE,
                                        8,
                                        config.layers(),
                                        config.heads().queryHeads())),
                        () -> {});
                int[] canvas = new Random(1).ints(TOKENS, 0, 1000).toArray();
                Positions eligible = Positions.range(TOKENS - ELIGIBLE, TOKENS);
                pass.logits(canvas, AttentionMode.DENSE_AND_SELECT, eligible);
                for (AttentionMode mode : new AttentionMode[] {AttentionMode.DENSE, AttentionMode.BLOCK_SPARSE}) {
                    for (int step = 0; step < 3; step++) {
                        Tensor logits = pass.logits(canvas, mode, eligible);
                        float[] values = new float[logits.rows() * logits.columns()];
                        context.download(logits, values);
                        float[] before = all.putIfAbsent(mode, values);
                        assertThat(before == null || Arrays.equals(before, values))
                                .as("%s %s %s, step %d", dtype, quantization, mode, step)
                                .isTrue();
                    }
                }
            }
        }
        return all;
    }
}
