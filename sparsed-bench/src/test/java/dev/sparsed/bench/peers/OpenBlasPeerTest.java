package dev.sparsed.bench.peers;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import dev.sparsed.BackendUnavailableException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenBlasPeerTest {

    @Test
    void saysWhatIsWrongWithTheNamedLibrary(@TempDir Path folder) throws IOException {
        Path missing = folder.resolve("libopenblas.so.0");
        assertThatExceptionOfType(BackendUnavailableException.class)
                .isThrownBy(() -> OpenBlasPeer.find(missing))
                .withMessageContaining("--library " + missing);
        Path text = Files.writeString(folder.resolve("text.so"), "no library");
        assertThatExceptionOfType(BackendUnavailableException.class)
                .isThrownBy(() -> OpenBlasPeer.find(text))
                .withMessageContaining("it must be OpenBLAS");
    }

    @Test
    void noticesAWrongProduct() {
        MatrixShape shape = new MatrixShape(2, 3, 2);
        float[] x = {1, 2, 3, 4, 5, 6};
        MemorySegment w = Arena.ofAuto().allocate(6 * Float.BYTES, 64);
        for (int i = 0; i < 6; i++) {
            w.setAtIndex(ValueLayout.JAVA_FLOAT, i, i - 1f); // [-1 0 1], [2 3 4]
        }
        assertThatNoException().isThrownBy(() -> OpenBlasPeer.check(shape, "the", new float[] {2, 20, 2, 47}, x, w));
        assertThatIllegalStateException()
                .isThrownBy(() -> OpenBlasPeer.check(shape, "the", new float[] {2, 20, 2, 47.01f}, x, w))
                .withMessageContaining("element 1, 1");
        assertThatIllegalStateException()
                .isThrownBy(() -> OpenBlasPeer.check(shape, "the", new float[] {2, 20, Float.NaN, 47}, x, w));
    }
}
