package dev.sparsed.text;

/**
 * A library that reads or writes text is not on the class path, or its native part cannot be loaded here. The message
 * names the Maven coordinates to add or the setting to change. Generation on token ids needs none of these libraries.
 */
public final class TextUnavailableException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message what is missing and the remedy
     * @param cause what the virtual machine or the library threw
     */
    public TextUnavailableException(String message, Throwable cause) {
        super(message, cause);
    }
}
