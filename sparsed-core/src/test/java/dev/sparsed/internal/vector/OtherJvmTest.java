package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.DType;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What depends on how the JVM was started: the provider's verdict and the width of vectors. Each case starts a JVM of
 * its own.
 */
class OtherJvmTest {

    private static final String MODULE = "--add-modules=jdk.incubator.vector";

    @Test
    void isAvailableHere() {
        assertThat(new VectorBackendProvider().unavailableBecause()).isEmpty();
    }

    @Test
    void asksForTheModuleWhereItIsNotResolved() throws Exception {
        assertThat(run("verdict")).singleElement().asString().contains("--add-modules jdk.incubator.vector");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"-Xint", "-XX:TieredStopAtLevel=1", "-XX:TieredStopAtLevel=3", "-XX:CompilationMode=quick-only"})
    void refusesToRunUncompiled(String option) throws Exception {
        assertThat(run("verdict", MODULE, option)).singleElement().asString().contains(option);
    }

    /** Products, rotations and SwiGLU round alike in vectors of any width; sums over a row need not. */
    @ParameterizedTest
    @CsvSource({"16, 128", "32, 256"})
    void resultsAreTheSameInSmallerVectors(int bytes, int bits) throws Exception {
        List<String> lines = run("results", MODULE, "-XX:MaxVectorSize=" + bytes);
        assertThat(lines.getFirst()).contains(bits + " bits");
        assertThat(lines.subList(1, lines.size())).isEqualTo(results().subList(1, lines.size()));
    }

    /** The started JVM's program: prints the provider's verdict, or the device and one hash per result. */
    static void main(String[] arguments) {
        List<String> lines = arguments[0].equals("results")
                ? results()
                : new VectorBackendProvider().unavailableBecause().stream().toList();
        lines.forEach(System.out::println);
    }

    private static List<String> results() {
        List<String> lines = new ArrayList<>();
        lines.add(VectorKernels.device());
        try (WorkerPool pool = new WorkerPool(2)) {
            VectorKernels kernels = new VectorKernels(pool);
            for (DType dtype : List.of(DType.F32, DType.BF16, DType.F16)) {
                for (int rows : new int[] {1, 5, 6, 7, 12, 33}) {
                    Random random = new Random(rows);
                    Matrix out = Samples.matrix(random, rows, 129);
                    kernels.linear(
                            Samples.matrix(random, rows, 300),
                            Samples.weights(random, dtype, 129, 300),
                            Samples.matrix(random, 1, 129),
                            out);
                    kernels.swiGlu(out, out, out);
                    lines.add(dtype + ", " + rows + " rows: " + List.of(Samples.elements(out)[0], hash(out)));
                }
            }
        }
        return lines;
    }

    private static int hash(Matrix matrix) {
        return Arrays.hashCode(Samples.elements(matrix));
    }

    /** Runs {@link #main} and returns the lines it printed. */
    private static List<String> run(String program, String... options) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(options));
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), OtherJvmTest.class.getName(), program));
        Process process = new ProcessBuilder(command)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output.lines().toList();
    }
}
