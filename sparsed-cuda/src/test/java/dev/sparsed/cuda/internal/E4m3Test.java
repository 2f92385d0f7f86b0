package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class E4m3Test {

    @Test
    void hasTheFormatsLandmarks() {
        assertThat(E4m3.value((byte) 0x7e)).isEqualTo(448);
        assertThat(E4m3.value((byte) 0xfe)).isEqualTo(-448);
        assertThat(E4m3.value((byte) 0x7f)).isNaN();
        assertThat(E4m3.value((byte) 0x38)).isEqualTo(1);
        assertThat(E4m3.value((byte) 0x08)).isEqualTo(0x1p-6); // the least normal
        assertThat(E4m3.value((byte) 0x01)).isEqualTo(0x1p-9); // the least
    }

    @Test
    void roundsToNearestAndTiesToEven() {
        assertThat(E4m3.nearest(1.0624)).isEqualTo(1);
        assertThat(E4m3.nearest(1.0625)).isEqualTo(1);
        assertThat(E4m3.nearest(1.1875)).isEqualTo(1.25);
        assertThat(E4m3.nearest(-3.3)).isEqualTo(-3.25);
        assertThat(E4m3.nearest(1000)).isEqualTo(448);
        assertThat(E4m3.nearest(0x1p-10)).isZero();
        assertThat(E4m3.nearest(0x1.8p-9)).isEqualTo(0x1p-8);
    }
}
