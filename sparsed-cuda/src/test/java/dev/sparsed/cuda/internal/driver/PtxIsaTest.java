package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PtxIsaTest {

    /** From the release notes in NVIDIA's PTX ISA document. */
    @ParameterizedTest
    @CsvSource({
        "11000, 70",
        "11080, 78",
        "12000, 80",
        "12040, 84",
        "12050, 85",
        "12060, 85",
        "12070, 86",
        "12080, 87",
        "12090, 88",
        "13000, 90",
    })
    void knowsTheNewestIsaOfADriver(int driver, int newest) {
        assertThat(PtxIsa.isTooNewFor(driver, newest)).isFalse();
        assertThat(PtxIsa.isTooNewFor(driver, newest + 1)).isTrue();
    }

    @Test
    void takesADriverBetweenTwoReleasesForTheOlder() {
        assertThat(PtxIsa.isTooNewFor(12045, 84)).isFalse();
        assertThat(PtxIsa.isTooNewFor(12045, 85)).isTrue();
    }

    @Test
    void letsDriversOfTheFutureTry() {
        assertThat(PtxIsa.isTooNewFor(13020, 92)).isFalse();
        assertThat(PtxIsa.isTooNewFor(14000, 100)).isFalse();
    }

    @Test
    void refusesDriversOlderThanTheTable() {
        assertThat(PtxIsa.isTooNewFor(10020, 65)).isTrue();
    }

    @Test
    void namesTheFirstDriver() {
        assertThat(PtxIsa.firstDriver(80)).isEqualTo("CUDA 12.0");
        assertThat(PtxIsa.firstDriver(85)).isEqualTo("CUDA 12.5");
        assertThat(PtxIsa.firstDriver(99)).isEqualTo("something newer than CUDA 13.0");
    }
}
