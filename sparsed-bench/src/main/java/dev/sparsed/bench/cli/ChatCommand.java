package dev.sparsed.bench.cli;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/**
 * Talks with a model, line by line. Standard output carries the answers alone; a terminal also sees how they come
 * about.
 */
@Command(
        name = "chat",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Talk with a model. Every line of standard input is a message, or a command such as /help.",
        footer = {
            "",
            "Example: sparsed chat -m LLaDA-8B-Instruct --gen-length 256 --threshold 0.9 --cache dual",
            "",
            "A line that ends in \\ goes on in the next one. Ctrl-C cancels an answer; /quit or Ctrl-D ends the chat."
        })
final class ChatCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(names = "--system", paramLabel = "TEXT", description = "A system message before the first one.")
    private @Nullable String system;

    @Mixin
    private ChatOptions options = new ChatOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ViewOptions view = new ViewOptions();

    @Override
    public Integer call() throws Exception {
        Shell shell = main.shell();
        Chat.check(options); // a wrong option should not have to wait for a model
        try (LoadedModel loaded = model.load()) {
            Chat chat = new Chat(
                    loaded.model(),
                    new AnswerScreen(shell, view),
                    options,
                    new Conversation(system),
                    main.interruption());
            if (!shell.terminal().inputIsTerminal()) {
                chat.run();
                return 0;
            }
            try (AutoCloseable _ = InterruptSignal.becomes(chat::interrupt)) {
                chat.run();
            }
        }
        return 0;
    }
}
