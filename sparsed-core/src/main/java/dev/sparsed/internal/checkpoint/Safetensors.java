package dev.sparsed.internal.checkpoint;

import dev.sparsed.CheckpointException;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;

/**
 * One safetensors file (<a href="https://github.com/huggingface/safetensors">format</a>), mapped read-only and checked
 * as a whole before any of it is handed out. Its tensors are slices of the mapping: nothing of the data is copied, and
 * files over 2 GiB are nothing special.
 *
 * <p>Safe for use by several threads. Nobody may truncate the file while it is open: a mapping past the end of its file
 * cannot be read.
 */
public final class Safetensors implements AutoCloseable {

    private final Path file;
    private final Arena arena;
    private final Map<String, HostTensor> tensors;

    private Safetensors(Path file, Arena arena, Map<String, HostTensor> tensors) {
        this.file = file;
        this.arena = arena;
        this.tensors = tensors;
    }

    /**
     * Maps and checks a file.
     *
     * @param file a safetensors file whose tensors are all F32, F16, BF16, I64 or U8
     * @return the open file; close it when none of its tensors is in use any more
     * @throws CheckpointException if the file is missing, unreadable or malformed in any way; nothing stays mapped then
     */
    public static Safetensors open(Path file) {
        Arena arena = Arena.ofShared();
        try {
            return new Safetensors(file, arena, SafetensorsHeader.parse(file, map(file, arena)));
        } catch (Throwable failure) { // errors too: a mapping must not outlive them
            arena.close();
            throw failure;
        }
    }

    private static MemorySegment map(Path file, Arena arena) {
        if (!Files.isRegularFile(file)) { // opening a pipe would block
            throw new CheckpointException(file + ": " + (Files.exists(file) ? "is not a file" : "no such file"));
        }
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
        } catch (IOException e) {
            throw new CheckpointException(file + ": cannot be mapped: " + e, e);
        }
    }

    /** {@return the file} */
    public Path file() {
        return file;
    }

    /** {@return its tensors by name, in the order of the header; their data is valid until {@link #close()}} */
    public Map<String, HostTensor> tensors() {
        return tensors;
    }

    /**
     * Unmaps the file; any later access to a tensor's data throws {@link IllegalStateException}. Closing twice is
     * harmless.
     */
    @Override
    public synchronized void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
