package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.CheckpointFiles.entry;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.header;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.mappingsOf;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.safetensors;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sparsed.CheckpointException;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {

    private static final String FIRST = "model-00001-of-00002.safetensors";
    private static final String SECOND = "model-00002-of-00002.safetensors";
    private static final String INDEX = "model.safetensors.index.json";

    @TempDir
    Path folder;

    @AfterEach
    void nothingStaysMapped() {
        assertThat(mappingsOf(folder)).isEmpty();
    }

    /** One file: a weight, a bias and a counter. */
    private void single() {
        String header = header(
                entry("layers.1.q_proj.weight", "BF16", "[4,2]", 0, 16),
                entry("layers.1.q_proj.bias", "F16", "[4]", 16, 24),
                entry("layers.11.q_proj.weight", "F32", "[2]", 24, 32),
                entry("count", "I64", "[1]", 32, 40));
        write(folder.resolve("model.safetensors"), safetensors(header, 40));
    }

    private void shard(String file, String tensor) {
        write(folder.resolve(file), safetensors(header(entry(tensor, "F32", "[2]", 0, 8)), 8));
    }

    private void index(String weightMap) {
        write(folder.resolve(INDEX), "{\"metadata\":{\"total_size\":16},\"weight_map\":" + weightMap + "}");
    }

    private void sharded() {
        shard(FIRST, "a");
        shard(SECOND, "b");
        index("{\"a\":\"" + FIRST + "\",\"b\":\"" + SECOND + "\"}");
    }

    private void rejected(Path opened, String... parts) {
        CheckpointException failure = catchThrowableOfType(
                CheckpointException.class, () -> Checkpoint.open(opened).close());
        assertThat(failure).as("a failure").isNotNull();
        for (String part : parts) {
            assertThat(failure.getMessage()).contains(part);
        }
        assertThat(mappingsOf(folder)).isEmpty();
    }

    @Test
    void opensASingleFile() {
        single();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.folder()).isEqualTo(folder);
            assertThat(checkpoint.names())
                    .containsExactlyInAnyOrder(
                            "layers.1.q_proj.weight", "layers.1.q_proj.bias", "layers.11.q_proj.weight", "count");
            HostTensor weight = checkpoint.require("layers.1.q_proj.weight", 4, 2);
            assertThat(weight.dtype()).isEqualTo(DType.BF16);
            assertThat(weight.data().get(ValueLayout.JAVA_BYTE, 15)).isEqualTo((byte) 15);
            assertThat(checkpoint.find("layers.1.q_proj.bias"))
                    .map(HostTensor::dtype)
                    .contains(DType.F16);
            assertThat(checkpoint.find("count")).map(HostTensor::dtype).contains(DType.I64);
            assertThat(checkpoint.find("none")).isEmpty();
        }
    }

    @Test
    void opensShards() {
        sharded();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).containsExactlyInAnyOrder("a", "b");
            assertThat(checkpoint.require("a", 2).elements()).isEqualTo(2);
            assertThat(checkpoint.require("b", 2).elements()).isEqualTo(2);
        }
    }

    @Test
    void prefersTheSingleFile() {
        sharded();
        single();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            assertThat(checkpoint.names()).contains("count").doesNotContain("a", "b");
        }
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void followsLinksAsTheHubsCacheHasThem() throws IOException {
        Path blobs = Files.createDirectory(folder.resolve("blobs"));
        write(blobs.resolve("0123"), safetensors(header(entry("a", "F32", "[2]", 0, 8)), 8));
        Path snapshot = Files.createDirectory(folder.resolve("snapshot"));
        Files.createSymbolicLink(snapshot.resolve("model.safetensors"), Path.of("../blobs/0123"));
        try (Checkpoint checkpoint = Checkpoint.open(snapshot)) {
            assertThat(checkpoint.names()).containsExactly("a");
        }
        Files.delete(blobs.resolve("0123"));
        rejected(snapshot, "model.safetensors", "no such file");
    }

    @Test
    void closingEndsEveryAccess() {
        sharded();
        Checkpoint checkpoint = Checkpoint.open(folder);
        MemorySegment a = checkpoint.require("a", 2).data();
        MemorySegment b = checkpoint.require("b", 2).data();
        checkpoint.close();
        checkpoint.close();
        assertThatIllegalStateException().isThrownBy(() -> a.get(ValueLayout.JAVA_BYTE, 0));
        assertThatIllegalStateException().isThrownBy(() -> b.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void requireNamesWhatItExpectedAndFound() {
        single();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            String file = folder.resolve("model.safetensors").toString();
            requireFails(
                    checkpoint,
                    "layers.1.q_proj.weight",
                    new long[] {2, 4},
                    file,
                    "[2, 4]",
                    "found BF16 of shape [4, 2]");
            requireFails(checkpoint, "layers.1.q_proj.weight", new long[] {8}, file, "expected", "[8]", "[4, 2]");
            requireFails(checkpoint, "layers.1.q_proj.weight", new long[] {4, 2, 1}, file, "[4, 2, 1]");
            requireFails(checkpoint, "count", new long[] {1}, file, "F32, F16 or BF16", "found I64 of shape [1]");
        }
    }

    @Test
    void requireSuggestsNames() {
        single();
        try (Checkpoint checkpoint = Checkpoint.open(folder)) {
            requireFails(
                    checkpoint,
                    "layers.2.q_proj.weight",
                    new long[] {4, 2},
                    folder.toString(),
                    "expected shape [4, 2]",
                    "closest of 4 names: 'layers.1.q_proj.weight', 'layers.11.q_proj.weight', ");
            CheckpointException failure =
                    catchThrowableOfType(CheckpointException.class, () -> checkpoint.require("layers.2.q_proj.weight"));
            assertThat(failure.getMessage()).doesNotContain("'count'");
        }
    }

    private static void requireFails(Checkpoint checkpoint, String name, long[] shape, String... parts) {
        CheckpointException failure =
                catchThrowableOfType(CheckpointException.class, () -> checkpoint.require(name, shape));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getMessage()).contains("'" + name + "'").contains(parts);
    }

    @Test
    void rejectsWhatIsNoFolder() {
        single();
        rejected(folder.resolve("none"), folder.resolve("none").toString(), "found nothing");
        Path file = folder.resolve("model.safetensors");
        rejected(file, file.toString(), "expected the folder", "found a file");
    }

    @Test
    void saysWhatAFolderMustHold() {
        write(folder.resolve("config.json"), "{}");
        rejected(folder, folder.toString(), "model.safetensors or " + INDEX, "no other weights");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pytorch_model.bin", "llada-8b.Q4_K_M.gguf", "consolidated.pth", "weights.safetensors"})
    void saysThatSafetensorsIsNeeded(String other) {
        write(folder.resolve(other), "x");
        rejected(folder, folder.toString(), other, "must be in the safetensors format");
    }

    @Test
    void rejectsAMissingShard() throws IOException {
        sharded();
        Files.delete(folder.resolve(SECOND));
        rejected(folder, folder.resolve(SECOND).toString(), "no such file", INDEX, "'b'");
        Files.createDirectory(folder.resolve(SECOND));
        rejected(folder, folder.resolve(SECOND).toString(), "no such file");
    }

    @Test
    void rejectsAMalformedShardAndClosesTheOthers() {
        sharded();
        write(folder.resolve(SECOND), new byte[4]);
        rejected(folder, folder.resolve(SECOND).toString(), "at least 8 bytes");
    }

    @Test
    void rejectsAShardWithoutItsTensor() {
        sharded();
        index("{\"a\":\"" + FIRST + "\",\"b\":\"" + SECOND + "\",\"c\":\"" + SECOND + "\"}");
        rejected(folder, folder.resolve(SECOND).toString(), "'c'", INDEX);
        index("{\"b\":\"" + FIRST + "\",\"a\":\"" + SECOND + "\"}");
        rejected(folder, folder.resolve(FIRST).toString(), "'b'", INDEX);
    }

    @Test
    void rejectsATensorInTwoShards() {
        sharded();
        String both = header(entry("a", "F32", "[2]", 0, 8), entry("b", "F32", "[2]", 8, 16));
        write(folder.resolve(SECOND), safetensors(both, 16));
        rejected(folder, "'a'", FIRST, SECOND, "one file only");
    }

    @Test
    void rejectsATensorTwiceInTheIndex() {
        sharded();
        index("{\"a\":\"" + FIRST + "\",\"b\":\"" + SECOND + "\",\"a\":\"" + SECOND + "\"}");
        rejected(folder, INDEX, "'a'", "line 1, column");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../outside.safetensors",
                "..",
                ".",
                "",
                "/etc/passwd",
                "/outside.safetensors",
                "sub/inside.safetensors",
                "./inside.safetensors",
                "..\\\\outside.safetensors",
                "C:\\\\outside.safetensors",
                "C:outside.safetensors",
                "inside.safetensors/",
                "inside.safetensors/.",
                "inside.safetensors\\u0000",
                "\\u0000.safetensors",
                "a\\nb.safetensors",
                "model.bin",
                ".safetensors",
                "config.json"
            })
    void rejectsShardsThatAreNoPlainFileName(String name) throws IOException {
        Path inner = Files.createDirectory(folder.resolve("inner"));
        Files.createDirectory(inner.resolve("sub"));
        String header = header(entry("a", "F32", "[2]", 0, 8));
        for (String target :
                new String[] {"outside.safetensors", "inner/inside.safetensors", "inner/sub/inside.safetensors"}) {
            write(folder.resolve(target), safetensors(header, 8));
        }
        write(inner.resolve(INDEX), "{\"weight_map\":{\"a\":\"" + name + "\"}}");
        rejected(inner, inner.resolve(INDEX).toString(), "'a'", "plain name");
    }

    @Test
    void rejectsFileNamesLongerThanAnyFileSystemHas() {
        index("{\"a\":\"" + "x".repeat(5000) + ".safetensors\"}");
        rejected(folder, INDEX, "'a'", "plain name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "[]", "null", "1", "\"x\""})
    void rejectsAnIndexWithoutWeightMap(String weightMap) {
        index(weightMap);
        rejected(folder, folder.resolve(INDEX).toString(), "'weight_map'");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "null", "[\"model.safetensors\"]", "{}", "true"})
    void rejectsShardsThatAreNoString(String shard) {
        index("{\"a\":" + shard + "}");
        rejected(folder, folder.resolve(INDEX).toString(), "'a'", "expected a file name");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "null", "{", "{} {}", "{\"weight_map\":{}}x"})
    void rejectsAMalformedIndex(String content) {
        write(folder.resolve(INDEX), content);
        rejected(folder, folder.resolve(INDEX).toString());
    }
}
