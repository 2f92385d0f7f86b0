package dev.sparsed.text;

import dev.sparsed.ChatMessage;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import java.nio.file.Path;
import java.util.List;

/**
 * The main class of the child processes of {@link TextLibrariesTest}: does what its arguments say and prints how it
 * ends.
 */
final class WithoutTextLibraries {

    private WithoutTextLibraries() {}

    /**
     * Runs one case.
     *
     * @param args the case, then the folder of a tokenizer or a model
     */
    public static void main(String[] args) {
        Path folder = Path.of(args[1]);
        try {
            String result = switch (args[0]) {
                case "tokenizer" -> {
                    try (Tokenizer tokenizer = Tokenizer.load(folder)) {
                        yield tokenizer.encode("hi").length + " tokens";
                    }
                }
                case "template" ->
                    ChatTemplate.load(folder)
                                    .render(List.of(ChatMessage.user("hi")), false)
                                    .length() + " chars";
                case "generate" -> {
                    try (DiffusionModel model = DiffusionModel.load(folder)) {
                        GenerationRequest request = GenerationRequest.builder()
                                .promptTokens(1, 2, 3)
                                .genLength(4)
                                .build();
                        yield model.generate(request).tokens().length + " tokens on "
                                + model.backend().name();
                    }
                }
                default -> throw new IllegalArgumentException(args[0]);
            };
            System.out.println("result: " + result);
        } catch (RuntimeException e) {
            System.out.println(e.getClass().getName() + ": " + e.getMessage());
        }
    }
}
