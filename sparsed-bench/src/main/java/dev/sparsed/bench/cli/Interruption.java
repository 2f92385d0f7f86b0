package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns the end of the JVM from outside (Ctrl-C, SIGTERM) into a cancelled generation: the JVM waits until the command
 * has unwound, so that models are closed and temporary folders deleted, but no longer than {@value #PATIENCE_SECONDS}
 * seconds.
 */
final class Interruption implements AutoCloseable {

    /** A generation looks up from its work before every layer; even a slow one takes less. */
    private static final int PATIENCE_SECONDS = 10;

    private final CountDownLatch unwound = new CountDownLatch(1);
    private final Thread hook = new Thread(this::cancelAndWait, "sparsed-cancel");
    private volatile boolean cancelled;

    /** Watches from now on. */
    Interruption() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void cancelAndWait() {
        cancelled = true;
        try {
            unwound.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** {@return whether the JVM is being ended} */
    boolean cancelled() {
        return cancelled;
    }

    /** {@return a listener that hears nothing and cancels when the JVM is being ended} */
    GenerationListener listener() {
        return following(event -> {});
    }

    /**
     * Lets a listener hear a generation that is cancelled when the JVM is being ended.
     *
     * @param listener hears
     * @return the listener to give to the generation
     */
    GenerationListener following(GenerationListener listener) {
        return new CancellableListener(listener, () -> cancelled);
    }

    /** The command has unwound. */
    @Override
    public void close() {
        unwound.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // the JVM is shutting down, and the hook has just been told to let it
        }
    }
}
