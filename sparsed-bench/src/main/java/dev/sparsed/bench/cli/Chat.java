package dev.sparsed.bench.cli;

import dev.sparsed.ChatMessage;
import dev.sparsed.DeviceMemoryException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationCancelledException;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.NonFiniteLogitsException;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.bench.quality.AnswerText;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * A conversation at a terminal or through a pipe: reads messages and commands line by line, and answers. At a terminal
 * what fails is told and the chat goes on; through a pipe the first failure ends it.
 */
final class Chat {

    private static final String PROMPT = "> ";
    private static final String CONTINUED = "... ";

    private final DiffusionModel model;
    private final AnswerScreen screen;
    private final Shell shell;
    private final Conversation conversation;
    private final Interruption interruption;
    private final AnswerInterruption answerInterruption = new AnswerInterruption(this::tellHowToLeave);
    private final InputLines input;
    private final OptionalInt endOfTurn;
    private ChatOptions options;
    private @Nullable AttentionPolicy policy;
    private long retries;

    /**
     * Prepares a chat.
     *
     * @param model who answers; it has a tokenizer and a chat template
     * @param screen where
     * @param options how
     * @param conversation what was said before
     * @param interruption ends it
     */
    Chat(
            DiffusionModel model,
            AnswerScreen screen,
            ChatOptions options,
            Conversation conversation,
            Interruption interruption) {
        this.model = model;
        this.screen = screen;
        this.shell = screen.shell();
        this.options = options;
        this.conversation = conversation;
        this.interruption = interruption;
        this.input = new InputLines(shell.in());
        this.endOfTurn = endOfTurn(model);
    }

    /**
     * Checks options before there is a model.
     *
     * @param options the options
     * @throws IllegalArgumentException if one is out of range, or they do not fit each other
     */
    static void check(ChatOptions options) {
        GenerationRequest.Builder request = GenerationRequest.builder().user("");
        options.apply(request);
        request.build();
    }

    /** The token that the model's template writes after what the assistant said, if it is a special one. */
    private static OptionalInt endOfTurn(DiffusionModel model) {
        String said = "0123456789";
        String chat = model.chatTemplate().render(List.of(ChatMessage.user("?"), ChatMessage.assistant(said)), false);
        int[] after = model.tokenizer().encode(chat.substring(chat.lastIndexOf(said) + said.length()));
        return after.length > 0 && AnswerText.isSpecial(model.tokenizer(), after[0])
                ? OptionalInt.of(after[0])
                : OptionalInt.empty();
    }

    /** An interrupt (Ctrl-C): cancels the answer that is being generated. For any thread. */
    void interrupt() {
        answerInterruption.interrupt();
    }

    private void tellHowToLeave() {
        shell.err().println();
        say("/quit or Ctrl-D ends the chat");
        prompt(PROMPT);
    }

    /**
     * Talks until the input ends or the user wants to.
     *
     * @throws GenerationCancelledException if the JVM is being ended
     * @throws IllegalArgumentException through a pipe, if a line cannot be answered
     */
    void run() {
        if (isInteractive()) {
            say("Type a message; /help lists the commands.");
        }
        boolean goesOn = true;
        while (goesOn) {
            String line = nextMessage();
            try {
                goesOn = line != null && handle(line);
            } catch (GenerationCancelledException e) {
                if (!answerInterruption.isCancelled() || interruption.cancelled()) {
                    throw e;
                }
                shell.err().println();
                say("cancelled; the conversation is as it was before the question");
            } catch (IllegalArgumentException
                    | ParameterException
                    | DeviceMemoryException
                    | NonFiniteLogitsException e) {
                if (!isInteractive()) {
                    throw e;
                }
                say("sparsed: " + Failure.of(e).message());
            } finally {
                answerInterruption.asking();
            }
        }
    }

    private boolean isInteractive() {
        return shell.terminal().inputIsTerminal();
    }

    /** {@return a line, those it goes on in with it; null at the end of the input} */
    private @Nullable String nextMessage() {
        prompt(PROMPT);
        String line = input.next(interruption::cancelled);
        StringBuilder message = new StringBuilder();
        while (line != null && line.endsWith("\\")) {
            message.append(line, 0, line.length() - 1).append('\n');
            prompt(CONTINUED);
            line = input.next(interruption::cancelled);
        }
        if (line == null && isInteractive()) {
            shell.err().println(); // the terminal is still in the line of the prompt
        }
        return line == null && message.isEmpty()
                ? null
                : message.append(line == null ? "" : line).toString();
    }

    private void prompt(String text) {
        if (isInteractive()) {
            shell.err().print(text);
            shell.err().flush();
        }
    }

    private void say(String line) {
        shell.err().println(line);
        shell.err().flush();
    }

    /** {@return whether the chat goes on} */
    private boolean handle(String line) {
        if (line.startsWith("/") && !line.startsWith("//")) {
            String[] words = line.strip().split("\\s+", 2);
            return command(words[0], words.length == 1 ? "" : words[1]);
        }
        if (!line.isBlank()) {
            retries = 0;
            answer(line.startsWith("//") ? line.substring(1) : line);
        }
        return true;
    }

    private boolean command(String name, String rest) {
        switch (name) {
            case "/quit", "/exit" -> {
                return false;
            }
            case "/help" -> HELP.lines().forEach(this::say);
            case "/reset" -> {
                conversation.reset();
                say("the conversation starts anew");
            }
            case "/system" -> {
                conversation.system(rest.isEmpty() ? null : rest);
                say(rest.isEmpty() ? "no system message" : "the system message is set");
            }
            case "/policy" -> changePolicy(rest);
            case "/options" -> changeOptions(rest);
            case "/retry" -> retry();
            default ->
                throw new IllegalArgumentException(name
                        + ": no such command; /help lists them, and a message that begins with / is written with //");
        }
        return true;
    }

    private void retry() {
        Conversation.Turn last = conversation.removeLast();
        retries++;
        try {
            answer(last.question());
        } catch (RuntimeException e) {
            conversation.add(last);
            throw e;
        }
    }

    private static final String HELP = """
            /reset             forget what was said; the system message stays
            /system [TEXT]     set the system message, or remove it
            /retry             ask the last question again, with the next seed
            /policy [NAME ...] dense, or sparsed with --preset, --skip, --select, --block-size; alone: show it
            /options [...]     options of `sparsed generate` for the answers to come, instead of those before; alone: show them
            /quit              end the chat; so does Ctrl-D
            A line that ends in \\ goes on in the next one. Ctrl-C cancels an answer.""";

    private void changePolicy(String words) {
        if (!words.isEmpty()) {
            PolicyOptions parsed = parsed(new PolicyOptions(), "--policy " + words);
            policy = parsed.policy();
        }
        say("policy " + request("").policy());
    }

    private void changeOptions(String words) {
        if (!words.isEmpty()) {
            ChatOptions parsed = parsed(new ChatOptions(), words);
            check(parsed);
            options = parsed;
            policy = null;
            retries = 0;
        }
        say(ChatOptions.described(request("")));
    }

    private static <T> T parsed(T into, String words) {
        new CommandLine(into).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(Main.hyphenated(words.split("\\s+")));
        return into;
    }

    private GenerationRequest request(String question) {
        GenerationRequest.Builder request = GenerationRequest.builder();
        conversation.messages(question).forEach(request::message);
        options.apply(request);
        if (policy != null) {
            request.policy(policy);
        }
        request.stopAtEos(true);
        endOfTurn.ifPresent(request::stopTokens);
        GenerationRequest built = request.build();
        return retries == 0 ? built : request.seed(built.seed() + retries).build();
    }

    private void answer(String question) {
        int room = model.info().contextLength() - request(question).genLength();
        int forgotten = conversation.fit(question, this::tokens, room);
        if (forgotten > 0) {
            say("the context of " + Texts.count(model.info().contextLength()) + " tokens is full: the oldest "
                    + (forgotten == 1 ? "turn is" : forgotten + " turns are") + " forgotten");
        }
        answerInterruption.answering();
        GenerationResult result = screen.generate(
                model, request(question), listener -> answerInterruption.following(interruption.following(listener)));
        answerInterruption.asking();
        String answer = AnswerText.untilEndOfTurn(model.tokenizer(), result.tokens());
        conversation.add(new Conversation.Turn(question, answer));
        screen.print(answer);
        say(Report.line(result));
    }

    private int tokens(List<ChatMessage> messages) {
        return model.tokenizer().encode(model.chatTemplate().render(messages, true)).length;
    }
}
