package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.SparseD;
import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.cuda.internal.driver.CudaEvent;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.ForwardPass;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.Transformer;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Quantization;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * What a steady step takes beyond the GPU's own time. Needs a model folder of LLaDA-8B's layer shape in {@code sparsed.overhead.model}: with a
 * small model there is nothing to hide the host's work behind.
 */
@RequiresGpu
@EnabledIfSystemProperty(named = "sparsed.overhead.model", matches = ".+")
class HostOverheadGpuTest {

    private static final int TOKENS = 4096;
    private static final int GENERATED = 128;
    private static final int STEPS = 12;

    @Test
    void steadyStepsWaitForTheGpuOnly() {
        Path folder = Path.of(System.getProperty("sparsed.overhead.model"));
        ModelConfig config = ModelConfig.read(folder);
        try (Checkpoint checkpoint = Checkpoint.open(folder);
                CudaBackend backend = new CudaBackend(DType.BF16, Quantization.NONE)) {
            Transformer transformer = Transformer.load(checkpoint, config, TOKENS, backend);
            try (CudaContext context = (CudaContext) backend.newContext();
                    CudaEvent begin = new CudaEvent(context.stream().device());
                    CudaEvent end = new CudaEvent(context.stream().device())) {
                AttentionPlan plan = SparseD.longContext()
                        .plan(new GenerationShape(
                                TOKENS,
                                GENERATED,
                                2 * STEPS,
                                config.layers(),
                                config.heads().queryHeads()));
                ForwardPass pass = transformer.forwardPass(context, TOKENS, GENERATED, plan, () -> {});
                int[] canvas = new Random(1).ints(TOKENS, 0, 1000).toArray();
                Positions eligible = Positions.range(TOKENS - GENERATED, TOKENS);
                pass.logits(canvas, AttentionMode.DENSE_AND_SELECT, eligible);
                for (AttentionMode mode : new AttentionMode[] {AttentionMode.DENSE, AttentionMode.BLOCK_SPARSE}) {
                    double[] walls = new double[STEPS];
                    for (int step = 0; step < STEPS; step++) {
                        long start = System.nanoTime();
                        GreedyCandidates candidates = GreedyCandidates.of(GENERATED);
                        context.greedy(pass.logits(canvas, mode, eligible), candidates);
                        walls[step] = (System.nanoTime() - start) / 1e6;
                        canvas[canvas.length - 1 - step] = candidates.tokens()[0];
                    }
                    begin.record(context.stream());
                    for (int step = 0; step < STEPS; step++) { // nothing waits: the GPU always has the next step's work
                        pass.logits(canvas, mode, eligible);
                    }
                    end.record(context.stream());
                    end.synchronize();
                    double gpu = end.millisecondsSince(begin) / STEPS;
                    double wall = Arrays.stream(walls).sorted().toArray()[STEPS / 2];
                    System.out.printf("%s: %.2f ms, of the GPU %.2f ms%n", mode, wall, gpu);
                    assertThat(gpu).as(mode + " takes " + wall + " ms").isGreaterThan(0.97 * wall);
                }
            }
        }
    }
}
