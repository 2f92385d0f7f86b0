package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttentionCommandTest {

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String arguments) {
        Shell shell =
                new Shell(new PrintWriter(out), new PrintWriter(err), InputStream.nullInputStream(), Terminal.NONE);
        return Main.run(shell, ("bench-attention " + arguments).split(" "));
    }

    @Test
    void timesEveryFormOfAttention() {
        int exitCode =
                run("--tokens 200 --head-dim 8,16 --heads 1 --rounds 1 --warm-up 0 --threads 1 --backend scalar");
        assertThat(err.toString()).isEmpty();
        assertThat(out.toString())
                .containsPattern("scalar \\(plain Java .*\\), FMA peak \\d+ GFLOP/s")
                .containsPattern("200 tokens, head of 16: dense \\d+ / \\d+ GFLOP/s")
                .containsPattern(" B +64, dense and selecting over dense: \\d+\\.\\d+ \\(\\d+\\.\\d+-\\d+\\.\\d+\\)\n")
                // 7 blocks of 32 of which 4 are kept
                .containsPattern(
                        " B +32, select 0.5, 0.571 kept, block-sparse over kept x dense: \\d+\\.\\d+ \\(\\d+\\.\\d+-\\d+\\.\\d+\\)\n");
        assertThat(exitCode).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --rounds 0         | 1 | --rounds 0: must be at least 1
            --tokens 64,0      | 1 | --tokens 0: must be at least 1
            --warm-up -1       | 1 | --warm-up -1.0: must be at least 0
            --backend quantum  | 1 | there is no backend named quantum
            --dtype F16        | 1 | --dtype F16: must be F32 or BF16
            --head-dim many    | 2 | --head-dim
            """)
    void saysWhatIsWrong(String arguments, int exitCode, String message) {
        assertThat(run(arguments)).isEqualTo(exitCode);
        assertThat(err.toString()).contains(message);
        assertThat(out.toString()).isEmpty();
    }
}
