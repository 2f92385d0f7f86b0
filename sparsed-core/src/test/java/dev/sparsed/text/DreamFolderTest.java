package dev.sparsed.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.fail;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.StepEvent;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A folder as Dream's repositories have it: config.json, weights, vocab.json and merges.txt, ChatML in
 * tokenizer_config.json, no tokenizer.json. The vocabulary is printable ASCII, a token per character, so that a prompt
 * can be written down by hand.
 */
class DreamFolderTest {

    private static final int START = 150;
    private static final int END = 151;

    /** As in Dream-v0-Instruct-7B, without its branches for tools. */
    private static final String TEMPLATE = "{%- if messages[0]['role'] == 'system' %}\n"
            + "    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n"
            + "{%- else %}\n"
            + "    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}\n"
            + "{%- endif %}\n"
            + "{%- for message in messages %}\n"
            + "    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or (message.role =="
            + " \"assistant\" and not message.tool_calls) %}\n"
            + "        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
            + "    {%- endif %}\n"
            + "{%- endfor %}\n"
            + "{%- if add_generation_prompt %}\n"
            + "    {{- '<|im_start|>assistant\\n' }}\n"
            + "{%- endif %}\n";

    @TempDir
    private Path folder;

    private void write() throws IOException {
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(Path.of("src/test/resources/golden/dream-gqa", file), folder.resolve(file));
        }
        ObjectMapper json = new ObjectMapper();
        ObjectNode vocabulary = json.createObjectNode();
        for (char c = '!'; c <= '~'; c++) {
            vocabulary.put(String.valueOf(c), c - '!' + 2);
        }
        vocabulary.put("\u0120", 0).put("\u010a", 1); // the byte-level letters of space and line break
        for (int id = 96; id < START; id++) {
            vocabulary.put(String.valueOf((char) (0x4e00 + id)), id); // never reached: every id has to be taken
        }
        Files.writeString(folder.resolve("vocab.json"), vocabulary.toString());
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n");
        ObjectNode config = json.createObjectNode().put("tokenizer_class", "Qwen2Tokenizer");
        ObjectNode added = config.putObject("added_tokens_decoder");
        List<String> specials = List.of("<|im_start|>", "<|im_end|>");
        for (int i = 0; i < specials.size(); i++) {
            added.putObject(String.valueOf(START + i))
                    .put("content", specials.get(i))
                    .put("special", true);
        }
        config.put("chat_template", TEMPLATE);
        Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
    }

    private static void add(List<Integer> tokens, String text) {
        for (char c : text.toCharArray()) {
            tokens.add(c == ' ' ? 0 : c == '\n' ? 1 : c - '!' + 2);
        }
    }

    private static void add(List<Integer> tokens, String role, String content) {
        tokens.add(START);
        add(tokens, role + "\n" + content);
        tokens.add(END);
        tokens.add(1);
    }

    @Test
    void aChatIsWrittenAsChatMl() throws IOException {
        write();
        List<Integer> expected = new ArrayList<>();
        add(expected, "system", "You are a helpful assistant.");
        add(expected, "user", "1+1?");
        add(expected, "assistant", "2.");
        add(expected, "user", "Why, then?");
        expected.add(START);
        add(expected, "assistant\n");
        List<int[]> canvases = new ArrayList<>();
        try (DiffusionModel model = DiffusionModel.load(folder)) {
            GenerationResult result = model.generate(
                    GenerationRequest.builder()
                            .user("1+1?")
                            .message(ChatMessage.assistant("2."))
                            .user("Why, then?")
                            .genLength(4)
                            .build(),
                    new GenerationListener() {
                        @Override
                        public void onStart(int[] canvas, int promptLength) {
                            canvases.add(Arrays.copyOf(canvas, promptLength));
                        }

                        @Override
                        public void onStep(StepEvent event) {}
                    });
            assertThat(canvases.getFirst())
                    .containsExactly(
                            expected.stream().mapToInt(Integer::intValue).toArray());
            assertThat(result.promptLength()).isEqualTo(expected.size());
            assertThat(result.tokens()).hasSize(4);
        }
    }

    /** Every position becomes the letter of its place, a to h; the prompt has five tokens. */
    private static GenerationRequest.Builder letters() {
        return GenerationRequest.builder()
                .promptTokens(1, 2, 3, 4, 5)
                .genLength(8)
                .blockLength(4)
                .logitsHook((step, position, logits) -> logits['a' - '!' + 2 + position - 5] += 1000);
    }

    @Test
    void aTextEndsTheGenerationWithItsBlock() throws IOException {
        write();
        try (DiffusionModel model = DiffusionModel.load(folder)) {
            int[] whole = model.generate(letters().build()).tokens();
            assertThat(model.tokenizer().decode(whole, true)).isEqualTo("abcdefgh");
            GenerationResult first =
                    model.generate(letters().stopStrings("zz", "cd").build());
            assertThat(first.tokens()).isEqualTo(Arrays.copyOf(whole, 2));
            assertThat(first.logProbabilities()).hasSize(2);
            assertThat(first.stopped()).isTrue();
            assertThat(first.forwards().count()).isLessThanOrEqualTo(4); // the second block is left alone
            GenerationResult across = model.generate(letters().stopStrings("de").build());
            assertThat(across.tokens()).isEqualTo(Arrays.copyOf(whole, 3));
            GenerationResult never = model.generate(letters().stopStrings("ba").build());
            assertThat(never.tokens()).isEqualTo(whole);
            assertThat(never.stopped()).isFalse();
        }
        Files.delete(folder.resolve("vocab.json"));
        try (DiffusionModel model = DiffusionModel.load(folder)) {
            GenerationRequest request = letters().stopStrings("x").build();
            assertThatExceptionOfType(CheckpointException.class)
                    .isThrownBy(() -> model.generate(request, event -> fail("a step ran")))
                    .withMessageContaining("neither tokenizer.json nor vocab.json");
        }
    }
}
