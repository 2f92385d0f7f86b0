package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaGraph;
import dev.sparsed.cuda.internal.driver.CudaStream;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Operations recorded as CUDA graphs. The first time they run as they come, which also allocates what they need; the second time they are
 * recorded; from then on the recording is launched: a step of a 32-layer model is one launch instead of some 500.
 */
final class Recordings implements AutoCloseable {

    /** Semi-autoregressive generation with a cache forwards other rows in every block; only the latest come again. */
    private static final int MOST = 4;

    private final CudaStream stream;
    private final Map<Object, Recording> recordings = new LinkedHashMap<>();

    /** Null: seen once. */
    private record Recording(@Nullable CudaGraph graph) {}

    Recordings(CudaStream stream) {
        this.stream = stream;
    }

    /**
     * Runs operations, or their recording.
     *
     * @param key equal for equal operations
     * @param operations what to run
     */
    void run(Object key, Runnable operations) {
        Recording recording = recordings.get(key);
        if (recording == null) {
            operations.run();
            recordings.put(key, new Recording(null));
            forgetOldest();
            return;
        }
        CudaGraph graph = recording.graph;
        if (graph == null) {
            graph = CudaGraph.capture(stream, operations);
            recordings.put(key, new Recording(graph));
        }
        graph.launch(stream);
    }

    private void forgetOldest() {
        if (recordings.size() > MOST) {
            Object oldest = recordings.keySet().iterator().next();
            CudaGraph graph = recordings.remove(oldest).graph;
            if (graph != null) {
                stream.synchronize();
                graph.close();
            }
        }
    }

    /** Forgets everything: what the recordings point to is about to change. */
    void clear() {
        if (recordings.values().stream().anyMatch(recording -> recording.graph != null)) {
            stream.synchronize();
        }
        for (Recording recording : recordings.values()) {
            if (recording.graph != null) {
                recording.graph.close();
            }
        }
        recordings.clear();
    }

    @Override
    public void close() {
        clear();
    }
}
