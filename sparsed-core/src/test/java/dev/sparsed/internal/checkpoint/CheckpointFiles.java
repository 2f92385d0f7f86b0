package dev.sparsed.internal.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Files of a checkpoint, made by hand: valid ones and broken ones. */
final class CheckpointFiles {

    private static final Path MAPS = Path.of("/proc/self/maps");

    private CheckpointFiles() {}

    /** A file's bytes: length, header, data whose byte i is i mod 256. */
    static byte[] safetensors(String header, int dataBytes) {
        return withLength(header.getBytes(StandardCharsets.UTF_8), dataBytes);
    }

    /** The same with a header that need not be text. */
    static byte[] withLength(byte[] header, int dataBytes) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Long.BYTES + header.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(header.length).put(header);
        for (int i = 0; i < dataBytes; i++) {
            bytes.put((byte) i);
        }
        return bytes.array();
    }

    /** One entry of a header. */
    static String entry(String name, String dtype, String shape, long begin, long end) {
        return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" + begin + ","
                + end + "]}";
    }

    /** A header of entries. */
    static String header(String... entries) {
        return "{" + String.join(",", entries) + "}";
    }

    static Path write(Path file, byte[] content) {
        try {
            return Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path write(Path file, String content) {
        return write(file, content.getBytes(StandardCharsets.UTF_8));
    }

    /** Opening a safetensors file of this content fails with a message that names the file and holds all parts. */
    static void assertRejected(Path file, byte[] content, String... parts) {
        write(file, content);
        CheckpointException failure = catchThrowableOfType(
                CheckpointException.class, () -> Safetensors.open(file).close());
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getMessage()).startsWith(file + ": ").hasSizeLessThan(1500);
        for (String part : parts) {
            assertThat(failure.getMessage()).contains(part);
        }
    }

    /** The lines of this process's memory map that name a file of the folder; empty where the system does not tell. */
    static List<String> mappingsOf(Path folder) {
        if (!Files.exists(MAPS)) {
            return List.of();
        }
        try (var lines = Files.lines(MAPS)) {
            String prefix = folder.toRealPath() + "/";
            return lines.filter(line -> line.contains(prefix)).toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
