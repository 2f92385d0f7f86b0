package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompareAmxCommandTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --rounds 0    | 1 | --rounds 0: must be at least 1
            --threads 0   | 1 | --threads 0
            --threads two | 2 | --threads
            """)
    void saysWhatIsWrong(String arguments, int exitCode, String message) {
        StringWriter err = new StringWriter();
        PrintWriter out = new PrintWriter(new StringWriter());
        Shell shell = new Shell(out, new PrintWriter(err), InputStream.nullInputStream(), Terminal.NONE);
        assertThat(Main.run(shell, ("compare-amx " + arguments).split(" "))).isEqualTo(exitCode);
        assertThat(err.toString()).contains(message);
    }
}
