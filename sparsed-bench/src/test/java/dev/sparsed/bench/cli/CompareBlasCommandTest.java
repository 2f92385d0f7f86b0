package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CompareBlasCommandTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --rounds 0              | 1 | --rounds 0: must be at least 1
            --threads 2,0           | 1 | --threads 0: must be at least 1
            --shape 5x5             | 1 | ROWSxINxOUT, such as 512x1024x2816
            --library /no/such/file | 1 | --library /no/such/file cannot be loaded
            --threads two           | 2 | --threads
            """)
    void saysWhatIsWrong(String arguments, int exitCode, String message) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        Shell shell =
                new Shell(new PrintWriter(out), new PrintWriter(err), InputStream.nullInputStream(), Terminal.NONE);
        assertThat(Main.run(shell, ("compare-blas " + arguments).split(" "))).isEqualTo(exitCode);
        assertThat(err.toString()).contains(message);
        assertThat(out.toString()).isEmpty();
    }
}
