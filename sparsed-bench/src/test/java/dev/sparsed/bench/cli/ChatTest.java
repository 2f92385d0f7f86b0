package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.ChatMessage;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.AnswerText;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A chat through a pipe and at a terminal that is none. The answers are those of requests that hold the whole conversation. */
@Timeout(120)
@TestInstance(Lifecycle.PER_CLASS)
class ChatTest {

    private static final Terminal TYPED = new Terminal(true, false, false, false, 80, 24);
    private static final Terminal LIVE = new Terminal(true, true, false, true, 60, 20);
    private static final String SHORT = "/options -n 8 --block-length 4 --steps 4";

    private DemoModel demo;
    private DiffusionModel model;

    @BeforeAll
    void load() {
        demo = DemoModel.open();
        model = DiffusionModel.load(demo.folder());
    }

    @AfterAll
    void close() {
        model.close();
        demo.close();
    }

    private static Shell shell(Terminal terminal, String input, StringWriter out, StringWriter err) {
        return new Shell(
                new PrintWriter(out),
                new PrintWriter(err),
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                terminal);
    }

    /** What the model says to a conversation that is given to it whole. */
    private String answer(long seed, ChatMessage... messages) {
        GenerationRequest.Builder request =
                GenerationRequest.builder().genLength(8).blockLength(4).steps(4).seed(seed);
        List.of(messages).forEach(request::message);
        int[] tokens = model.generate(request.build()).tokens();
        return AnswerText.untilEndOfTurn(model.tokenizer(), tokens);
    }

    @Test
    void aPipeGetsTheAnswersAloneAndTheModelTheWholeConversation() {
        String first = answer(0, ChatMessage.system("sums"), ChatMessage.user("95+1="));
        String second = answer(
                0,
                ChatMessage.system("sums"),
                ChatMessage.user("95+1="),
                ChatMessage.assistant(first),
                ChatMessage.user("2+30=\n4"));
        String anew = answer(0, ChatMessage.system("sums"), ChatMessage.user("/2+30="));
        Run run = Run.of(
                Terminal.NONE,
                "95+1=\n\n2+30=\\\n4\n/reset\n//2+30=",
                "chat",
                "--system",
                "sums",
                "-n",
                "8",
                "--block-length",
                "4",
                "--steps",
                "4");
        assertThat(run.out()).isEqualToNormalizingNewlines(first + "\n" + second + "\n" + anew + "\n");
        assertThat(run.err()).doesNotContain("> ", "\033").contains("tokens/s", "starts anew");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void anAnswerEndsWithTheBlockThatHoldsTheEndOfTheTurn() {
        Run run = Run.of(Terminal.NONE, "95+1=\n", "chat", "-n", "64", "--block-length", "16");
        assertThat(run.out()).isEqualToNormalizingNewlines("96\n");
        assertThat(run.err()).contains("16 dense steps"); // of 64
    }

    @Test
    void aModelThatFailsEndsNoChatAtATerminal(@TempDir Path folder) throws IOException {
        try (Stream<Path> files = Files.list(demo.folder())) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Path weights = folder.resolve("model.safetensors");
        byte[] bytes = Files.readAllBytes(weights);
        int header = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
        Arrays.fill(bytes, 8 + header, bytes.length, (byte) 0xFF); // NaN in any type
        Files.write(weights, bytes);
        Run run = Run.of(TYPED, SHORT + "\n1+1=\n/policy\n", "chat", "-m", folder.toString());
        assertThat(run.err()).contains("sparsed: step 0, position", "policy dense");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void commandsChangeWhatComesNext() {
        Run run = Run.of(
                TYPED,
                String.join(
                        "\n",
                        SHORT + " --temperature 1 --seed 5",
                        "95+1=",
                        "/retry",
                        "/policy sparsed --select 0.25 --block-size 8",
                        "/policy",
                        "/options --threshold 0.9 --cache dual --gen_length 128",
                        "/options",
                        "/system be brief",
                        "/system",
                        "/help",
                        "/quit",
                        "never read"),
                "chat");
        ChatMessage question = ChatMessage.user("95+1=");
        GenerationRequest.Builder warm = GenerationRequest.builder()
                .message(question)
                .genLength(8)
                .blockLength(4)
                .steps(4)
                .temperature(1);
        String first = AnswerText.untilEndOfTurn(
                model.tokenizer(), model.generate(warm.seed(5).build()).tokens());
        String second = AnswerText.untilEndOfTurn(
                model.tokenizer(), model.generate(warm.seed(6).build()).tokens());
        assertThat(run.out()).isEqualToNormalizingNewlines(first + "\n" + second + "\n");
        assertThat(run.err().split("policy SparseD\\[skip=0.2, select=0.25, blockSize=8]", -1))
                .hasSize(3);
        assertThat(run.err())
                .contains("gen-length 128, block-length 32, steps 128, policy dense, cache DUAL")
                .contains(
                        ", Threshold[threshold=0.9], cfg-scale 0.0, seed 0",
                        "the system message is set",
                        "no system message",
                        "/retry");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void atATerminalAMistakeIsToldAndTheChatGoesOn() {
        Run run = Run.of(
                TYPED,
                String.join(
                        "\n",
                        "/frob",
                        "/retry",
                        "/policy foo",
                        "/policy dense --skip 0.2",
                        "/options --block-length 7",
                        "/options --stepz 3",
                        SHORT,
                        "95+1="),
                "chat");
        assertThat(run.err())
                .contains("> sparsed: /frob: no such command; /help lists them")
                .contains("> sparsed: nothing has been asked yet")
                .contains("expected one of [dense, sparsed, auto, coverage")
                .contains("--skip: does not go with --policy dense")
                .contains("blockLength = 7: must divide genLength = 128")
                .contains("Unknown options: '--stepz', '3'");
        assertThat(run.out()).isEqualToNormalizingNewlines(answer(0, ChatMessage.user("95+1=")) + "\n");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void throughAPipeAMistakeEndsTheChat() {
        Run run = Run.of(Terminal.NONE, "/frob\n95+1=\n", "chat");
        assertThat(run.err()).startsWith("sparsed: /frob: no such command");
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(Run.of(Terminal.NONE, "x", "chat", "--block-length", "7").err())
                .startsWith("sparsed: blockLength = 7");
        assertThat(Run.of(Terminal.NONE, "\uD800", "chat", "-n", "1").exitCode())
                .isZero(); // a lone surrogate is sent as '?'
    }

    @Test
    void aFullContextForgetsTheOldestTurnsInWords() {
        String[] small = {"chat", "-n", "8", "--block-length", "4", "--steps", "2", "--context-length", "50"};
        Run run = Run.of(Terminal.NONE, "1+1=\n2+2=\n3+3=\n4+4=\n", small);
        assertThat(run.err()).contains("the context of 50 tokens is full: the oldest turn is forgotten");
        assertThat(run.out().lines()).hasSize(4);
        assertThat(run.exitCode()).isZero();
        Run tooLong = Run.of(Terminal.NONE, "1+1=\n" + "12345 ".repeat(40), small);
        assertThat(tooLong.err())
                .contains("the message takes ")
                .contains("beside the answer only 42 fit into the context: shorten it");
        assertThat(tooLong.exitCode()).isEqualTo(1);
    }

    @Test
    void inputThatIsNoTextIsRefused() {
        StringWriter err = new StringWriter();
        Shell shell = new Shell(
                new PrintWriter(new StringWriter()),
                new PrintWriter(err),
                new ByteArrayInputStream(new byte[] {'a', (byte) 0xff, '\n'}),
                Terminal.NONE);
        assertThat(Main.run(shell, "chat")).isEqualTo(1);
        assertThat(err.toString()).startsWith("sparsed: standard input: not UTF-8");
    }

    @Test
    void anInterruptCancelsTheAnswerAndNotTheChat() {
        StringWriter err = new StringWriter();
        Chat[] chat = new Chat[1];
        StringWriter out = new StringWriter() {
            private boolean interrupted;

            @Override
            public void write(String text, int start, int length) {
                super.write(text, start, length);
                if (!interrupted && text.contains("of them masks")) { // the first picture of the first answer
                    interrupted = true;
                    chat[0].interrupt();
                }
            }
        };
        Shell shell = shell(LIVE, SHORT + "\n1+1=\n95+1=\n", out, err);
        try (Interruption interruption = new Interruption()) {
            chat[0] = new Chat(
                    model,
                    new AnswerScreen(shell, new ViewOptions()),
                    new ChatOptions(),
                    new Conversation(null),
                    interruption);
            chat[0].run();
        }
        assertThat(err.toString()).containsOnlyOnce("cancelled; the conversation is as it was before the question");
        assertThat(out.toString())
                .contains("░░░░░░░░\033[K\n")
                .endsWith("\033[?25h" + answer(0, ChatMessage.user("95+1=")) + System.lineSeparator());
    }

    @Test
    void anInterruptAtThePromptTellsHowToLeave() {
        StringWriter err = new StringWriter();
        try (Interruption interruption = new Interruption()) {
            Chat chat = new Chat(
                    model,
                    new AnswerScreen(shell(TYPED, "", new StringWriter(), err), new ViewOptions()),
                    new ChatOptions(),
                    new Conversation(null),
                    interruption);
            chat.interrupt();
        }
        assertThat(err.toString()).contains("/quit or Ctrl-D ends the chat").endsWith("> ");
    }
}
