package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.CheckpointException;
import dev.sparsed.DeviceMemoryException;
import dev.sparsed.GenerationCancelledException;
import dev.sparsed.InvalidRequestException;
import dev.sparsed.NonFiniteLogitsException;
import dev.sparsed.text.TextUnavailableException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FailureTest {

    static Stream<Throwable> ofTheLibrary() {
        return Stream.of(
                new BackendUnavailableException("no GPU"),
                new CheckpointException("a.json: no such file"),
                new DeviceMemoryException("logits", 5, 3, 4),
                new InvalidRequestException("steps", 0, "must be at least 1"),
                new NonFiniteLogitsException(2, 7),
                new TextUnavailableException("no library", new UnsatisfiedLinkError()));
    }

    @ParameterizedTest
    @MethodSource("ofTheLibrary")
    void whatTheLibraryExplainsIsPassedOn(Throwable problem) {
        assertThat(Failure.of(problem)).isEqualTo(new Failure(problem.getMessage(), 1));
    }

    @Test
    void theRestIsOurs() {
        assertThat(Failure.of(new NullPointerException("x\ny")).message())
                .isEqualTo("internal error: java.lang.NullPointerException: x y (--stacktrace shows where)");
        assertThat(Failure.of(new GenerationCancelledException("by the listener")))
                .isEqualTo(new Failure("cancelled", 130));
        assertThat(Failure.of(new OutOfMemoryError("Java heap space")).message())
                .contains("Java heap space", "-Xmx");
    }
}
