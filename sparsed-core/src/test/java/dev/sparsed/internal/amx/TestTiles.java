package dev.sparsed.internal.amx;

import java.io.IOException;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * The kernels under test: those of the jar where the processor has AMX, elsewhere the same sources on emulated tiles, compiled here with
 * gcc. They need AVX-512 either way.
 */
final class TestTiles {

    private static final Path SOURCES = Path.of("src/main/c");
    private static final Path BUILT = Path.of("target/amx-emulated");

    private static @Nullable KernelLibrary kernels;
    private static @Nullable String missing;

    private TestTiles() {}

    /** A test that needs the kernels; where there are none it is skipped, and the output says in one line why. */
    @Target(ElementType.TYPE)
    @Retention(RetentionPolicy.RUNTIME)
    @ExtendWith(Condition.class)
    @interface Required {}

    /** Loads the kernels. */
    static final class Condition implements ExecutionCondition {

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            load();
            if (missing == null) {
                return ConditionEvaluationResult.enabled("there are kernels");
            }
            System.out.println("Skipped " + context.getDisplayName() + ": " + missing);
            return ConditionEvaluationResult.disabled(missing);
        }
    }

    /** {@return the kernels} */
    static KernelLibrary kernels() {
        return new KernelLibrary(library());
    }

    /** {@return where they are} */
    static Path library() {
        return AmxCpu.unavailableBecause().isEmpty()
                ? AmxBackendProvider.library()
                : BUILT.resolve("libemulated.so").toAbsolutePath();
    }

    private static synchronized void load() {
        if (kernels != null || missing != null) {
            return;
        }
        if (AmxCpu.unavailableBecause().isPresent()) {
            missing = emulationImpossible().orElse(null);
            if (missing != null) {
                return;
            }
            compile(
                    BUILT.resolve("libemulated.so"),
                    List.of("-O1", "-fPIC", "-shared", "-fvisibility=hidden"),
                    List.of());
        }
        kernels = kernels();
    }

    /** {@return why the sources cannot be compiled and run on emulated tiles} */
    static Optional<String> emulationImpossible() {
        try {
            if (Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                    .noneMatch(line -> line.startsWith("flags") && line.contains("avx512dq"))) {
                return Optional.of("this processor has neither AMX nor AVX-512");
            }
            if (!Files.isDirectory(SOURCES)) {
                return Optional.of("there is no AMX, and no source to emulate it");
            }
            Process gcc = new ProcessBuilder("gcc", "--version")
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return gcc.waitFor() == 0 ? Optional.empty() : Optional.of("gcc does not work");
        } catch (IOException e) {
            return Optional.of("there is no AMX, and no gcc to emulate it: " + e.getMessage());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Compiles the kernels on emulated tiles. */
    static void compile(Path output, List<String> flags, List<String> more) {
        List<String> command = new ArrayList<>(List.of("gcc", "-std=gnu11", "-DAMX_EMULATED", "-I" + SOURCES));
        command.addAll(Arrays.asList("-mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl".split(" ")));
        command.addAll(flags);
        command.addAll(List.of("-o", output.toString()));
        try (Stream<Path> sources = Files.list(SOURCES)) {
            Files.createDirectories(BUILT);
            sources.map(Path::toString)
                    .filter(name -> name.endsWith(".c"))
                    .sorted()
                    .forEach(command::add);
            command.addAll(more);
            command.add("-lm");
            run(command);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Runs a command, whose output becomes the message if it fails. */
    static String run(List<String> command) throws IOException {
        Path output = Files.createTempFile("command", ".txt");
        try {
            Process process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(5, TimeUnit.MINUTES);
            String text = Files.readString(output);
            if (!ended || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new AssertionError(command + (ended ? " failed:\n" : " did not end:\n") + text);
            }
            return text;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        } finally {
            Files.delete(output);
        }
    }

    /** {@return a value rounded to bf16, to nearest even} */
    static float bf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        return Float.intBitsToFloat(bits + 0x7fff + (bits >>> 16 & 1) & 0xffff0000);
    }
}
