package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class PolicyOptionsTest {

    @CommandLine.Command
    private static final class Holder {
        @CommandLine.Mixin
        private PolicyOptions policy = new PolicyOptions();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            | dense
            --policy auto | auto
            --policy sparsed | SparseD[skip=0.2, select=0.5, blockSize=32]
            --policy sparsed --preset long --select 0.4 | SparseD[skip=0.2, select=0.4, blockSize=128]
            --policy coverage | Coverage[skip=0.2, coverage=0.93, floor=0.0, cap=1.0, blockSize=8, isolated=false]
            --policy coverage --coverage 0.9 --floor 0.1 --cap 0.5 --skip 0 --block-size 16 --isolation true | Coverage[skip=0.0, coverage=0.9, floor=0.1, cap=0.5, blockSize=16, isolated=true]
            --policy window --select 0.3 | SlidingWindow[select=0.3, blockSize=32]
            --policy sink-window --select 0.3 | SinkWindow[sinks=1, select=0.3, blockSize=32]
            --policy strided --block-size 64 | Strided[select=0.5, blockSize=64]
            --policy power-strided | PowerStrided[window=1, blockSize=32]
            --policy RANDOM --preset long | UniformRandom[select=0.3, blockSize=128, seed=0]
            --policy antidiagonal | Antidiagonal[skip=0.2, coverage=0.9, stride=8, blockSize=32]
            --policy antidiagonal --stride 4 --coverage 0.8 | Antidiagonal[skip=0.2, coverage=0.8, stride=4, blockSize=32]
            --policy vertical-slash --preset long | VerticalSlash[skip=0.2, select=0.3, blockSize=128]
            --policy sparsed --refresh-below 0.9 | Refreshing[policy=SparseD[skip=0.2, select=0.5, blockSize=32], bound=0.9, interval=8]
            --policy coverage --refresh-below 0.9 --refresh-interval 3 | Refreshing[policy=Coverage[skip=0.2, coverage=0.93, floor=0.0, cap=1.0, blockSize=8, isolated=false], bound=0.9, interval=3]
            --policy no-reuse | SparseDAblation[method=SparseD[skip=0.2, select=0.5, blockSize=32], without=REUSE]
            --policy no-isolation | SparseDAblation[method=SparseD[skip=0.2, select=0.5, blockSize=32], without=ISOLATION]
            --policy no-skip --select 0.1 | SparseDAblation[method=SparseD[skip=0.2, select=0.1, blockSize=32], without=SKIP]
            --policy no-dense-selection | SparseDAblation[method=SparseD[skip=0.2, select=0.5, blockSize=32], without=DENSE_SELECTION]
            """)
    void namesMeanPolicies(String words, String policy) {
        Holder holder = new Holder();
        CommandLine line = new CommandLine(holder).setCaseInsensitiveEnumValuesAllowed(true);
        line.parseArgs(words == null ? new String[0] : words.split(" "));
        assertThat(holder.policy.policy()).hasToString(policy);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            dense | dense | dense
            sparsed | sparsed:select=0.25:block-size=16 | SparseD[skip=0.2, select=0.25, blockSize=16]
            sparsed:select=.5:skip=0 | sparsed:skip=0.0:select=0.5:block-size=16 | SparseD[skip=0.0, select=0.5, blockSize=16]
            SparseD:preset=LONG:block-size=64 | sparsed:preset=long:select=0.25:block-size=64 | SparseD[skip=0.2, select=0.25, blockSize=64]
            coverage:cap=0.5 | coverage:cap=0.5:block-size=16 | Coverage[skip=0.2, coverage=0.93, floor=0.0, cap=0.5, blockSize=16, isolated=false]
            """)
    void specsTakeWhatTheyDoNotSayFromTheOptionsBesideThem(String spec, String named, String policy) {
        Holder holder = new Holder();
        new CommandLine(holder).parseArgs("--select", "0.25", "--block-size", "16", "--policy", "window");
        PolicyOptions options = holder.policy.with(spec);
        assertThat(options.spec()).isEqualTo(named);
        assertThat(options.policy()).hasToString(policy);
        assertThat(holder.policy.spec()).isEqualTo("window:select=0.25:block-size=16");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            foo | --policies foo: .*expected one of \\[dense, .*
            sparsed:foo=1 | --policies sparsed:foo=1: Unknown option: '--foo=1'
            sparsed:select=x | --policies sparsed:select=x: .*'x' is not a double.*
            '' | --policies : .*
            """)
    void saysWhatASpecLacks(String spec, String message) {
        assertThatThrownBy(() -> new PolicyOptions().with(spec))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageMatching(message);
    }

    @Test
    void refusesASettingThatThePolicyDoesNotHave() {
        PolicyOptions options = new PolicyOptions().with("dense:select=0.3");
        assertThatThrownBy(options::policy).hasMessageContaining("--select: does not go with --policy dense");
        PolicyOptions interval = new PolicyOptions().with("sparsed:refresh-interval=3");
        assertThatThrownBy(interval::policy).hasMessageContaining("--refresh-interval: needs --refresh-below");
    }
}
