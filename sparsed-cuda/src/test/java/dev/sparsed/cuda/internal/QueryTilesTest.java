package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.spi.Positions;
import org.junit.jupiter.api.Test;

class QueryTilesTest {

    @Test
    void splitsAtTheBordersOfQueryBlocks() {
        assertThat(QueryTiles.of(Positions.range(0, 10), 4)).containsExactly(0, 4, 0, 0, 4, 4, 1, 0, 8, 2, 2, 0);
        assertThat(QueryTiles.of(Positions.range(6, 9), 4)).containsExactly(0, 2, 1, 0, 2, 1, 2, 0);
        assertThat(QueryTiles.of(Positions.of(1, 3, 12, 13, 15), 4)).containsExactly(0, 2, 0, 0, 2, 3, 3, 0);
        assertThat(QueryTiles.of(Positions.range(0, 0), 4)).isEmpty();
    }
}
