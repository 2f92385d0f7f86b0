package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.CheckpointFiles.assertRejected;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.entry;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.header;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.mappingsOf;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.safetensors;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.withLength;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.sparsed.CheckpointException;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @TempDir
    Path folder;

    @AfterEach
    void nothingStaysMapped() {
        assertThat(mappingsOf(folder)).isEmpty();
    }

    private Path file() {
        return folder.resolve("weights.safetensors");
    }

    private Safetensors open(byte[] content) {
        return Safetensors.open(write(file(), content));
    }

    /** Opening fails with a message that names the file and holds all parts. */
    private void rejected(byte[] content, String... parts) {
        assertRejected(file(), content, parts);
    }

    private void rejected(String header, int dataBytes, String... parts) {
        rejected(safetensors(header, dataBytes), parts);
    }

    @Test
    void handsOutSlicesOfTheFile() {
        String header = header(
                "\"__metadata__\":{\"format\":\"pt\"}",
                entry("b", "BF16", "[2,3]", 16, 28),
                entry("a", "F32", "[4]", 0, 16),
                entry("scalar", "I64", "[]", 28, 36),
                entry("empty", "F16", "[0,7]", 36, 36),
                entry("bytes", "U8", "[3]", 36, 39));
        try (Safetensors file = open(safetensors(header, 39))) {
            assertThat(file.file()).isEqualTo(file());
            assertThat(file.tensors().keySet()).containsExactly("b", "a", "scalar", "empty", "bytes");
            HostTensor b = file.tensors().get("b");
            assertThat(b.name()).isEqualTo("b");
            assertThat(b.dtype()).isEqualTo(DType.BF16);
            assertThat(b.shape()).containsExactly(2L, 3L);
            assertThat(b.data().toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27);
            assertThat(b.data().isMapped()).isTrue();
            assertThat(b.data().isReadOnly()).isTrue();
            assertThat(file.tensors().get("a").data().get(FLOAT, 4))
                    .isEqualTo(ByteBuffer.wrap(new byte[] {7, 6, 5, 4}).getFloat());
            assertThat(file.tensors().get("scalar").shape()).isEmpty();
            assertThat(file.tensors().get("scalar").elements()).isEqualTo(1);
            assertThat(file.tensors().get("empty").elements()).isZero();
            assertThat(file.tensors().get("bytes").data().toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(36, 37, 38);
        }
    }

    @Test
    void acceptsSpacesAfterTheHeaderAndNoTensors() {
        try (Safetensors file = open(safetensors("{}" + " ".repeat(30), 0))) {
            assertThat(file.tensors()).isEmpty();
        }
    }

    @Test
    void acceptsNamesInUtf8() {
        try (Safetensors file = open(safetensors(header(entry("größe.重み", "U8", "[1]", 0, 1)), 1))) {
            assertThat(file.tensors()).containsOnlyKeys("größe.重み");
        }
    }

    @Test
    void closingEndsEveryAccess() {
        Safetensors file = open(safetensors(header(entry("a", "F32", "[4]", 0, 16)), 16));
        MemorySegment data = file.tensors().get("a").data();
        assertThat(data.get(FLOAT, 0)).isNotNaN();
        file.close();
        file.close();
        assertThatIllegalStateException().isThrownBy(() -> data.get(FLOAT, 0));
        assertThat(mappingsOf(folder)).isEmpty();
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aMappingIsSeenByTheLeakCheck() {
        try (Safetensors file = open(safetensors(header(entry("a", "F32", "[4]", 0, 16)), 16))) {
            assertThat(mappingsOf(folder)).as("mappings of %s", file.file()).isNotEmpty();
        }
    }

    @Test
    void readsTensorsBeyondTwoGiB() throws IOException {
        long far = 3L << 30;
        String header = header(entry("near", "U8", "[" + far + "]", 0, far), entry("far", "F32", "[2]", far, far + 8));
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        try (RandomAccessFile out = new RandomAccessFile(file().toFile(), "rw")) {
            out.setLength(Long.BYTES + text.length + far + 8); // sparse: takes no space
            out.write(safetensors(header, 0));
            out.seek(Long.BYTES + text.length + far);
            out.write(ByteBuffer.allocate(8)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putFloat(1.5f)
                    .putFloat(-2.25f)
                    .array());
        }
        try (Safetensors file = Safetensors.open(file())) {
            MemorySegment data = file.tensors().get("far").data();
            assertThat(data.get(FLOAT, 0)).isEqualTo(1.5f);
            assertThat(data.get(FLOAT, 4)).isEqualTo(-2.25f);
            assertThat(file.tensors().get("near").elements()).isEqualTo(far);
        }
        try (RandomAccessFile out = new RandomAccessFile(file().toFile(), "rw")) {
            out.setLength(Long.BYTES + text.length + far + 7);
        }
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.open(file()))
                .withMessageContainingAll(file().toString(), "'far'", "past the end");
    }

    @Test
    void rejectsWhatIsNoFile() {
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.open(folder.resolve("none.safetensors")))
                .withMessageContainingAll("none.safetensors", "no such file");
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.open(folder))
                .withMessageContainingAll(folder.toString(), "is not a file");
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7})
    void rejectsFilesShorterThanTheLength(int size) {
        rejected(new byte[size], "at least 8 bytes", "found " + size + " bytes");
    }

    @ParameterizedTest
    @CsvSource({"3, 3", "9223372036854775807, 9223372036854775807", "-1, 18446744073709551615"})
    void rejectsHeadersPastTheEnd(long length, String shown) {
        byte[] content = ByteBuffer.allocate(10)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .put((byte) '{')
                .put((byte) '}')
                .array();
        rejected(content, "header's length is " + shown, "2 bytes follow");
    }

    @Test
    void rejectsTruncatedFiles() {
        byte[] content = safetensors(header(entry("a", "F32", "[4]", 0, 16)), 16);
        for (int size = 0; size < content.length; size++) {
            rejected(Arrays.copyOf(content, size));
        }
    }

    @Test
    void rejectsHeadersAboveTheLimit() throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(file().toFile(), "rw")) {
            out.write(ByteBuffer.allocate(9)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(100_000_001)
                    .put((byte) '{')
                    .array());
            out.setLength(200_000_000);
        }
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.open(file()))
                .withMessageContainingAll(file().toString(), "100000001", "at most 100000000");
    }

    @Test
    void pointsOutGitLfsPointers() {
        String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n";
        rejected(pointer.getBytes(StandardCharsets.UTF_8), "git lfs pull");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " {}", "[]", "null", "\ufeff{}", "1"})
    void rejectsHeadersThatAreNoObject(String header) {
        rejected(header, 0, "begins with '{'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{", "{\"a\"", "{\"a\":", "{]", "{'a':1}", "{,}", "{\"__metadata__\":{}", "{\"\t\":{}}"})
    void rejectsMalformedJson(String header) {
        rejected(header, 0, "malformed JSON in the header at character");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}{}", "{} x", "{}\0", "{},", "{} null"})
    void rejectsWhatFollowsTheObject(String header) {
        rejected(header, 0);
    }

    @Test
    void rejectsHeadersThatAreNotUtf8() {
        byte[] latin1 = header(entry("größe", "U8", "[1]", 0, 1)).getBytes(StandardCharsets.ISO_8859_1);
        rejected(withLength(latin1, 1), "UTF-8");
        rejected(withLength("{}".getBytes(StandardCharsets.UTF_16LE), 0), "malformed JSON");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "[]", "null", "\"x\"", "{\"a\":1}", "{\"a\":null}", "{\"a\":{}}", "{\"a\":[\"b\"]}"})
    void rejectsMetadataThatIsNotStrings(String metadata) {
        rejected("{\"__metadata__\":" + metadata + "}", 0, "__metadata__");
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 100, 1_000_000})
    void rejectsDeepNesting(int depth) {
        assertTimeout(Duration.ofSeconds(20), () -> {
            rejected("{\"a\":" + "[".repeat(depth), 0, "'a'");
            rejected("{\"__metadata__\":" + "{\"a\":".repeat(depth), 0, "__metadata__");
            rejected("{\"a\":{\"dtype\":\"U8\",\"shape\":" + "[".repeat(depth), 0, "'a'");
        });
    }

    @Test
    void rejectsHugeTokens() {
        assertTimeout(Duration.ofSeconds(20), () -> {
            String many = "9".repeat(10_000_000);
            rejected("{\"a\":{\"dtype\":\"U8\",\"shape\":[" + many + "]}}", 0, "'a'");
            rejected("{\"a\":{\"dtype\":\"U8\",\"shape\":[1e" + many + "]}}", 0, "'a'");
            rejected("{\"a\":{\"dtype\":\"" + many + many + many + "\"}}", 0, "'a'");
            rejected("{\"" + many + "\":{}}", 0, "malformed JSON", "65536");
        });
    }

    @Test
    void rejectsTooManyTensors() {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i <= SafetensorsHeader.MAX_TENSORS; i++) {
            header.append(i == 0 ? "" : ",").append(entry("t" + i, "U8", "[0]", 0, 0));
        }
        rejected(header.append('}').toString(), 0, "at most " + SafetensorsHeader.MAX_TENSORS);
    }

    @Test
    void keepsControlCharactersOutOfMessages() {
        byte[] content = safetensors(header(entry("a\\n\\u001b[31m", "F64", "[1]", 0, 8)), 8);
        rejected(content, "'a\\u000a\\u001b[31m'");
    }

    @Test
    void failureKeepsItsCause() {
        write(file(), safetensors("{\"a\"", 0));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.open(file()))
                .withCauseInstanceOf(IOException.class);
    }
}
