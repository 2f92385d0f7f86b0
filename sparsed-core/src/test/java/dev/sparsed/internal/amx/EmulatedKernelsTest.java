package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Runs {@code src/test/c}: the kernels at awkward sizes under the address and undefined-behaviour sanitizers. */
class EmulatedKernelsTest {

    @Test
    void areCleanUnderTheSanitizers() throws IOException {
        Optional<String> impossible = TestTiles.emulationImpossible();
        impossible.ifPresent(reason -> System.out.println("Skipped the kernels under sanitizers: " + reason));
        assumeTrue(impossible.isEmpty());
        Path program = Path.of("target/amx-emulated/kernels_test");
        TestTiles.compile(
                program,
                List.of("-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
                List.of("src/test/c/kernels_test.c", "src/test/c/products_test.c"));
        assertThat(TestTiles.run(List.of(program.toAbsolutePath().toString()))).contains("all right");
    }
}
