package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class MainTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final CommandLine main =
            new CommandLine(new Main()).setOut(new PrintWriter(out)).setErr(new PrintWriter(err));

    @Test
    void versionIsThatOfTheBuild() {
        assertThat(main.execute("--version")).isZero();
        assertThat(out.toString())
                .containsPattern("sparsed \\d+\\.\\d+\\.\\d+")
                .contains(Runtime.version().toString());
    }

    @Test
    void saysWhatIsMissingWithoutACommand() {
        assertThat(main.execute()).isEqualTo(2);
        assertThat(err.toString()).contains("a command is missing", "Usage: sparsed");
    }
}
