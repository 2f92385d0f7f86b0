package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;

/** greedy.cu: the most likely token of every row of logits, and how sure the model is of it. */
public final class Greedy implements AutoCloseable {

    private static final int THREADS = 1024;

    private final Launch launch;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     */
    public Greedy(KernelModules modules, CudaStream stream) {
        launch = new Launch(modules, "greedy", "greedy_f32", stream);
    }

    /**
     * Reduces the rows.
     *
     * @param logits {@code [rows, vocabulary]}, F32
     * @param tokens device address of {@code rows} ints
     * @param probabilities device address of {@code rows} floats
     * @param margins the same, or 0 if not wanted
     * @param negativeEntropies the same, or 0 if not wanted
     */
    public void run(DeviceTensor logits, long tokens, long probabilities, long margins, long negativeEntropies) {
        launch.arguments()
                .addPointer(logits.address())
                .addInt(logits.columns())
                .addPointer(tokens)
                .addPointer(probabilities)
                .addPointer(margins)
                .addPointer(negativeEntropies);
        launch.run(logits.rows(), 1, 1, THREADS, 0);
    }

    @Override
    public void close() {
        launch.close();
    }
}
