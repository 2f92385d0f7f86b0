package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import org.junit.jupiter.api.Test;

class DeviceTest {

    @Test
    void makesPatternsThatKeepTheDiagonalAndTheShare() {
        BlockLayout layout = new BlockLayout(310, 0, 32); // ten blocks, the last one ragged
        try (Device device = new Device("scalar", 1)) {
            BlockPattern pattern = device.pattern(layout, 3, 0.3);
            assertThat(pattern.density()).isEqualTo(0.4); // ⌊10·0.3⌋ + 1 of 10
            for (int block = 0; block < 10; block++) {
                assertThat(pattern.isKept(2, block, block)).isTrue();
                assertThat(pattern.keptCount(2, block)).isEqualTo(4);
            }
            assertThat(device.pattern(layout, 3, 1).density()).isEqualTo(1);
        }
        assertThatThrownBy(() -> new Device("abacus", 1)).hasMessageContaining("there is no backend named abacus");
    }
}
