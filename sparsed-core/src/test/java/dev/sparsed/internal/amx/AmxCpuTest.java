package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class AmxCpuTest {

    private static final String ALL =
            "flags\t\t: fpu avx2 fma f16c bmi1 bmi2 abm popcnt avx512f avx512bw avx512dq avx512vl"
                    + " avx512_bf16 amx_bf16 amx_tile amx_int8";

    @Test
    void findsNothingMissing() {
        assertThat(AmxCpu.missingFlags(List.of(ALL))).isEmpty();
    }

    @Test
    void namesTheFlagThatIsMissing() {
        assertThat(AmxCpu.missingFlags(List.of(ALL.replace(" amx_tile", "").replace(" f16c", " f16c_other"))))
                .hasValueSatisfying(reason -> assertThat(reason).contains("lacks amx_tile, f16c "));
    }

    @Test
    void aMachineWithoutFlagsLacksAll() {
        assertThat(AmxCpu.missingFlags(List.of()))
                .hasValueSatisfying(reason -> assertThat(reason).contains("amx_tile", "popcnt"));
    }
}
