package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What an interrupt (Ctrl-C) means in a chat: while an answer is generated it cancels that answer; while the user is
 * asked it only tells how to leave. May be interrupted by any thread.
 */
final class AnswerInterruption {

    private enum State {
        ASKING,
        ANSWERING,
        CANCELLED
    }

    private final AtomicReference<State> state = new AtomicReference<>(State.ASKING);
    private final Runnable whenAsking;

    /**
     * Starts with the user being asked.
     *
     * @param whenAsking what an interrupt does then
     */
    AnswerInterruption(Runnable whenAsking) {
        this.whenAsking = whenAsking;
    }

    /** The user wants to interrupt. */
    void interrupt() {
        if (!state.compareAndSet(State.ANSWERING, State.CANCELLED) && state.get() == State.ASKING) {
            whenAsking.run();
        }
    }

    /** An answer begins: from now on an interrupt cancels it. */
    void answering() {
        state.set(State.ANSWERING);
    }

    /** The user is asked again. */
    void asking() {
        state.set(State.ASKING);
    }

    /** {@return whether the answer is cancelled} */
    boolean isCancelled() {
        return state.get() == State.CANCELLED;
    }

    /**
     * Lets a listener hear an answer that an interrupt cancels.
     *
     * @param listener hears, and may cancel as well
     * @return the listener to give to the generation
     */
    GenerationListener following(GenerationListener listener) {
        return new CancellableListener(listener, this::isCancelled);
    }
}
