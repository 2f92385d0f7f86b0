package dev.sparsed;

import java.util.Objects;

/**
 * One message of a chat.
 *
 * @param role who speaks: {@code "system"}, {@code "user"}, {@code "assistant"}, or whatever the model's chat template
 *     knows
 * @param content what is said
 */
public record ChatMessage(String role, String content) {

    /** Checks that both are there. */
    public ChatMessage {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
    }

    /**
     * A message of the user.
     *
     * @param content what the user says
     * @return the message
     */
    public static ChatMessage user(String content) {
        return new ChatMessage("user", content);
    }

    /**
     * A message of the system.
     *
     * @param content the instructions
     * @return the message
     */
    public static ChatMessage system(String content) {
        return new ChatMessage("system", content);
    }

    /**
     * A message of the assistant.
     *
     * @param content what the assistant said
     * @return the message
     */
    public static ChatMessage assistant(String content) {
        return new ChatMessage("assistant", content);
    }
}
