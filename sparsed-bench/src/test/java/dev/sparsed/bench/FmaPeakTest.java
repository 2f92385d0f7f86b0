package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FmaPeakTest {

    /** Any machine of the last ten years does 10 GFLOP/s per core, none does 1,000. */
    @Test
    void isOfTheRightOrder() {
        assertThat(FmaPeak.measure(1)).isBetween(2.0, 1000.0);
    }
}
