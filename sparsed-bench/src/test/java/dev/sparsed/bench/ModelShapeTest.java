package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import org.junit.jupiter.api.Test;

class ModelShapeTest {

    private static final ModelShape SHAPE = new ModelShape(8, 2, 2, 12, 20);

    /** Multiply-adds counted one matrix product at a time, for 5 tokens of which 3 are eligible. */
    @Test
    void countsWhatIsRun() {
        double keysValues = 2 * (5 * 8 * 8);
        double queriesOutput = 2 * (5 * 8 * 8);
        double attention = 5 * 5 * 8 + 5 * 5 * 8;
        double mlp = 3 * (5 * 8 * 12);
        double full = keysValues + queriesOutput + attention + mlp;
        double last = keysValues + 3 / 5.0 * (queriesOutput + attention + mlp);
        double head = 3 * 8 * 20;
        assertThat(SHAPE.flops(5, 3, 1, false)).isEqualTo(2 * (full + last + head), within(1e-6));

        double half = full + last - attention / 2 - 3 / 5.0 * attention / 2;
        assertThat(SHAPE.flops(5, 3, 0.5, false)).isEqualTo(2 * (half + head), within(1e-6));

        assertThat(SHAPE.flops(5, 3, 1, true)).isEqualTo(2 * (2 * full + head), within(1e-6));
    }

    @Test
    void isFoundByItsName() {
        assertThat(ModelShape.of("s")).isEqualTo(ModelShape.S);
        assertThat(ModelShape.of("M")).isEqualTo(ModelShape.M);
        assertThat(ModelShape.of("Demo")).isEqualTo(ModelShape.DEMO);
        assertThatThrownBy(() -> ModelShape.of("L")).hasMessageContaining("shape L: there are S, M, 8B and demo");
    }
}
