package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.Test;

class MedianTest {

    @Test
    void isTheMiddleOrTheMeanOfTheMiddleTwo() {
        assertThat(Median.of(List.of(7L, 1L, 2L))).isEqualTo(2);
        assertThat(Median.of(DoubleStream.of(4, 1, 3, 100))).isEqualTo(3.5);
        assertThat(Median.of(List.of(5.0))).isEqualTo(5);
        assertThat(Median.of(List.<Double>of())).isNaN();
    }
}
