package dev.sparsed.text;

import dev.sparsed.ChatMessage;
import java.nio.file.Path;
import java.util.List;

/** The main class of the child processes of {@link TextLibrariesTest}: does what its arguments say and prints how it ends. */
final class WithoutTextLibraries {

    private WithoutTextLibraries() {}

    /**
     * Runs one case.
     *
     * @param args the case, then the folder of a tokenizer
     */
    public static void main(String[] args) {
        Path folder = Path.of(args[1]);
        try {
            String result =
                    switch (args[0]) {
                        case "tokenizer" -> {
                            try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                                yield tokenizer.encode("hi").length + " tokens";
                            }
                        }
                        case "template" ->
                            ChatTemplate.load(folder).render(List.of(ChatMessage.user("hi")), false).length() + " chars";
                        default -> throw new IllegalArgumentException(args[0]);
                    };
            System.out.println("result: " + result);
        } catch (RuntimeException e) {
            System.out.println(e.getClass().getName() + ": " + e.getMessage());
        }
    }
}
