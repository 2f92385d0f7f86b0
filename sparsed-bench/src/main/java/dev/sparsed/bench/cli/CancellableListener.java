package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import dev.sparsed.StepEvent;
import java.util.function.BooleanSupplier;

/**
 * Lets a listener hear a generation that something else may cancel.
 *
 * @param listener hears, and may cancel as well
 * @param cancelled whether to cancel
 */
record CancellableListener(GenerationListener listener, BooleanSupplier cancelled) implements GenerationListener {

    @Override
    public void onStart(int[] canvas, int promptLength) {
        listener.onStart(canvas, promptLength);
    }

    @Override
    public void onStep(StepEvent event) {
        listener.onStep(event);
    }

    @Override
    public boolean isCancelled() {
        return cancelled.getAsBoolean() || listener.isCancelled();
    }
}
