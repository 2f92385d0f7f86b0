package dev.sparsed.bench.cli;

import dev.sparsed.ChatMessage;
import dev.sparsed.GenerationRequest;
import dev.sparsed.InvalidRequestException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What the model is asked. */
final class PromptOptions {

    private static final String STANDARD_INPUT = "-";

    /** Where the prompt comes from: at most one of them is given. */
    private static final class Source {

        @Option(
                names = {"-p", "--prompt"},
                paramLabel = "TEXT",
                description = "The prompt.")
        private @Nullable String text;

        @Option(
                names = {"-f", "--prompt-file"},
                paramLabel = "FILE",
                description =
                        "A UTF-8 file with the prompt; - for standard input. One line break at its end is left out.")
        private @Nullable String file;

        @Option(
                names = "--prompt-tokens",
                paramLabel = "ID",
                split = ",",
                description = "The prompt as token ids, separated by commas; no chat template is applied.")
        private int @Nullable [] tokens;

        @Parameters(
                paramLabel = "-",
                arity = "0..1",
                description =
                        "Read the prompt from standard input; so does giving no prompt, unless that is a terminal.")
        private @Nullable String dash;
    }

    @ArgGroup
    private @Nullable Source source;

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the prompt.")
    private @Nullable String system;

    @Option(
            names = "--assistant-prefix",
            paramLabel = "TEXT",
            description = "What the answer starts with; the model continues it.")
    private @Nullable String assistantPrefix;

    @Option(names = "--raw", description = "Use the prompt as it is, without the chat template: for base models.")
    private boolean raw;

    /** {@return whether a prompt was given, or standard input named as one} */
    boolean isGiven() {
        return source != null;
    }

    /** {@return whether the prompt was given as token ids, so that no tokenizer is needed} */
    boolean givenAsTokens() {
        return source != null && source.tokens != null;
    }

    /**
     * Sets the prompt on a request.
     *
     * @param request the request
     * @param shell gives standard input
     * @throws InvalidRequestException if there is no prompt, or parts of it do not fit each other
     * @throws UncheckedIOException if a file cannot be read
     */
    void apply(GenerationRequest.Builder request, Shell shell) {
        if (system != null && (raw || givenAsTokens())) {
            throw new InvalidRequestException("system", system, "goes with a chat, not with --raw or --prompt-tokens");
        }
        if (assistantPrefix != null) {
            request.assistantPrefix(assistantPrefix);
        }
        if (source != null && source.tokens != null) {
            request.promptTokens(source.tokens);
            return;
        }
        String text = text(shell);
        if (raw) {
            request.rawPrompt(text);
            return;
        }
        if (system != null) {
            request.message(ChatMessage.system(system));
        }
        request.user(text);
    }

    private String text(Shell shell) {
        if (source != null && source.text != null) {
            return source.text;
        }
        if (source != null && source.file != null && !source.file.equals(STANDARD_INPUT)) {
            return file(Path.of(source.file));
        }
        if (source != null && source.dash != null && !source.dash.equals(STANDARD_INPUT)) {
            throw new InvalidRequestException("prompt", source.dash, "put it after --prompt, or in quotation marks");
        }
        if (source == null && shell.terminal().inputIsTerminal()) {
            throw new InvalidRequestException(
                    "prompt", "nothing", "give --prompt TEXT, --prompt-file FILE, or - to type it and end with Ctrl-D");
        }
        try {
            return decoded(shell.in(), "standard input");
        } catch (IOException e) {
            throw new UncheckedIOException("standard input: cannot be read: " + e.getMessage(), e);
        }
    }

    private static String file(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return decoded(in, file.toString());
        } catch (NoSuchFileException e) {
            throw new UncheckedIOException(file + ": no such file", e);
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    private static String decoded(InputStream in, String name) throws IOException {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(in.readAllBytes()))
                    .toString();
            return text.replaceFirst("\\R\\z", "");
        } catch (CharacterCodingException e) {
            throw new UncheckedIOException(name + ": not UTF-8; convert it first (iconv -t utf-8)", e);
        }
    }
}
