package dev.sparsed.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.spi.DType;
import org.junit.jupiter.api.Test;

class ComparisonTest {

    @Test
    void showsBestsMediansAndRatios() {
        Comparison comparison = new Comparison(
                new MatrixShape(512, 1024, 2816),
                2,
                DType.BF16,
                rates(90, 100, 80),
                rates(60, 120, 40, 100),
                rates(200));
        assertThat(comparison.row().strip().split("\\s{2,}"))
                .containsExactly(
                        "512x1024x2816", "2", "bf16", "100.0 / 90.0", "120.0 / 80.0", "1.125", "0.833", "0.450");
        assertThat(comparison.row()).hasSameSizeAs(Comparison.head());
    }

    @Test
    void ratesKnowTheirMedianAndBest() {
        assertThat(rates(3, 1, 2).median()).isEqualTo(2);
        assertThat(rates(4, 1, 2, 3).median()).isEqualTo(2.5);
        assertThat(rates(4, 1, 9, 3).best()).isEqualTo(9);
        assertThat(rates(3, 8, 2).times(rates(1, 2, 2))).isEqualTo(3); // of 3, 4 and 1
        assertThat(new Rates().times(new Rates())).isNaN();
        assertThatThrownBy(() -> rates(1).times(new Rates())).hasMessageContaining("1 rounds");
        assertThat(new Rates().median()).isNaN();
        assertThat(new Rates().best()).isNaN();
    }

    private static Rates rates(double... values) {
        Rates rates = new Rates();
        for (double value : values) {
            rates.add(value);
        }
        return rates;
    }
}
