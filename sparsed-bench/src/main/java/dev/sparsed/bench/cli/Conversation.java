package dev.sparsed.bench.cli;

import dev.sparsed.ChatMessage;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/** What has been said: a system message and turns, each a question with its answer. Not thread-safe. */
final class Conversation {

    /**
     * A question and its answer.
     *
     * @param question what was asked
     * @param answer what was answered
     */
    record Turn(String question, String answer) {}

    private @Nullable String system;
    private final Deque<Turn> turns = new ArrayDeque<>();

    /**
     * Starts without turns.
     *
     * @param system the system message, null for none
     */
    Conversation(@Nullable String system) {
        this.system = system;
    }

    /** {@return turns that are remembered} */
    int turns() {
        return turns.size();
    }

    /** Forgets all turns; the system message stays. */
    void reset() {
        turns.clear();
    }

    /**
     * Replaces the system message.
     *
     * @param text the new one, null for none
     */
    void system(@Nullable String text) {
        system = text;
    }

    /**
     * Remembers a turn.
     *
     * @param turn the last one
     */
    void add(Turn turn) {
        turns.addLast(turn);
    }

    /**
     * Forgets the last turn.
     *
     * @return that turn
     * @throws IllegalArgumentException if there is none
     */
    Turn removeLast() {
        if (turns.isEmpty()) {
            throw new IllegalArgumentException("nothing has been asked yet");
        }
        return turns.removeLast();
    }

    /**
     * The chat as the model is to see it.
     *
     * @param question what is asked now
     * @return system message, turns, question
     */
    List<ChatMessage> messages(String question) {
        List<ChatMessage> messages = new ArrayList<>();
        if (system != null) {
            messages.add(ChatMessage.system(system));
        }
        for (Turn turn : turns) {
            messages.add(ChatMessage.user(turn.question));
            messages.add(ChatMessage.assistant(turn.answer));
        }
        messages.add(ChatMessage.user(question));
        return messages;
    }

    /**
     * Forgets the oldest turns until the chat fits.
     *
     * @param question what is asked now
     * @param length tokens of a chat
     * @param room the most tokens it may have
     * @return how many turns were forgotten
     * @throws IllegalArgumentException if system message and question alone do not fit; nothing is forgotten then
     */
    int fit(String question, ToIntFunction<List<ChatMessage>> length, int room) {
        Conversation alone = new Conversation(system);
        int least = length.applyAsInt(alone.messages(question));
        if (least > room) {
            throw new IllegalArgumentException("the message takes " + Texts.count(least) + " tokens"
                    + (system == null ? "" : " with the system message") + ", but beside the answer only "
                    + Texts.count(Math.max(0, room)) + " fit into the context: shorten it, ask for a shorter answer"
                    + " (--gen-length), or prepare for more (--context-length)");
        }
        int forgotten = 0;
        while (!turns.isEmpty() && length.applyAsInt(messages(question)) > room) {
            turns.removeFirst();
            forgotten++;
        }
        return forgotten;
    }
}
