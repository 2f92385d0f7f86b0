package dev.sparsed.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TokenizerTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private static Path demo;
    private static Tokenizer tokenizer;

    @TempDir
    private Path folder;

    @BeforeAll
    static void load() throws URISyntaxException {
        demo = Path.of(TokenizerTest.class.getResource("/demo-tokenizer").toURI());
        tokenizer = Tokenizer.load(demo);
    }

    @AfterAll
    static void free() {
        tokenizer.close();
    }

    /** The ids were recorded with the Python libraries (transformers, tokenizers). */
    @Test
    void templateAndTokenizerGiveTheRecordedIds() throws IOException {
        ChatTemplate template = ChatTemplate.load(demo);
        List<String> lines = Files.readAllLines(demo.resolve("recorded-prompts.jsonl"));
        assertThat(lines).hasSize(11);
        int longest = 0;
        for (String line : lines) {
            JsonNode task = JSON.readTree(line);
            String prompt =
                    template.render(List.of(ChatMessage.user(task.get("user").textValue())), true)
                            + task.get("assistant_prefix").textValue();
            int[] expected = JSON.convertValue(task.get("prompt_ids"), int[].class);
            assertThat(tokenizer.encode(prompt))
                    .as(task.get("task").textValue())
                    .containsExactly(expected);
            assertThat(tokenizer.decode(expected, false)).isEqualTo(prompt);
            longest = Math.max(longest, expected.length);
        }
        assertThat(longest).isGreaterThan(2000); // nothing is cut at 512
    }

    @Test
    void beginningOfTextIsThereOnce() {
        int bos = tokenizer.tokenId("<|startoftext|>").orElseThrow();
        assertThat(bos).isEqualTo(2042);
        int[] ids = tokenizer.encode(ChatTemplate.load(demo).render(List.of(ChatMessage.user("hi")), true));
        assertThat(ids[0]).isEqualTo(bos);
        assertThat(ids).containsOnlyOnce(bos);
        assertThat(tokenizer.encode("hi")).doesNotContain(bos);
    }

    /**
     * A post-processor that adds a beginning-of-text token, as Llama 3's tokenizer.json has it, must not double the
     * template's.
     */
    @Test
    void thePostProcessorAddsNothing() throws IOException {
        ObjectNode root = demoJson();
        root.set("post_processor", JSON.readTree("""
                        {"type": "TemplateProcessing",
                         "single": [{"SpecialToken": {"id": "<|startoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                         "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                         "special_tokens": {"<|startoftext|>": {"id": "<|startoftext|>", "ids": [2042], "tokens": ["<|startoftext|>"]}}}
                        """));
        try (Tokenizer other = write(root)) {
            assertThat(other.encode("<|startoftext|>hi")).containsExactly(tokenizer.encode("<|startoftext|>hi"));
        }
    }

    @Test
    void truncationAndPaddingOfTheFileAreIgnored() throws IOException {
        ObjectNode root = demoJson();
        root.set(
                "truncation",
                JSON.readTree(
                        "{\"direction\": \"Right\", \"max_length\": 2, \"strategy\": \"LongestFirst\", \"stride\": 0}"));
        root.set(
                "padding",
                JSON.readTree(
                        "{\"strategy\": {\"Fixed\": 9}, \"direction\": \"Right\", \"pad_to_multiple_of\": null, \"pad_id\": 0,"
                                + " \"pad_type_id\": 0, \"pad_token\": \"!\"}"));
        try (Tokenizer other = write(root)) {
            for (String text : List.of("a", "a longer text with more than nine tokens, surely so: 0123456789")) {
                assertThat(other.encode(text)).containsExactly(tokenizer.encode(text));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "a",
                "\n",
                "\t\r\n ",
                "äöü ß",
                "日本語のテキスト",
                "👩‍👩‍👧‍👦 🇩🇪",
                "\u0000",
                "\uFFFD",
                "\u202Eabc",
                "a\u0301",
                "<|eot_id|>",
                "<|eot_id",
                "𝔘𝔫𝔦𝔠𝔬𝔡𝔢"
            })
    void textComesBack(String text) {
        assertThat(tokenizer.decode(tokenizer.encode(text), false)).isEqualTo(text);
    }

    @Test
    void emptyTextHasNoTokens() {
        assertThat(tokenizer.encode("")).isEmpty();
        assertThat(tokenizer.decode(new int[0], true)).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"D800,''", "DC00,''", "D83D,x", "DE00,x", "D83D,\uFFFD"})
    void aLoneSurrogateBecomesTheReplacementCharacter(String surrogate, String after) {
        String text = "x" + (char) Integer.parseInt(surrogate, 16) + after;
        assertThat(tokenizer.decode(tokenizer.encode(text), false)).isEqualTo("x\uFFFD" + after);
    }

    @Test
    void specialTokensAreRecognisedAndSkipped() {
        int[] ids = tokenizer.encode("a<|eot_id|>b");
        assertThat(ids).hasSize(3).contains(2047);
        assertThat(tokenizer.decode(ids, true)).isEqualTo("ab");
        assertThat(tokenizer.decode(ids, false)).isEqualTo("a<|eot_id|>b");
    }

    @Test
    void textLeavesOutWhatIsNone() {
        int[] ids = tokenizer.encode("<|mdm_mask|>a<|eot_id|>b");
        int[] beyond = {ids[0], ids[1], 2048, ids[2], -1, ids[3], 126_336};
        assertThat(tokenizer.text(beyond)).isEqualTo("ab");
        assertThat(tokenizer.text(new int[0])).isEmpty();
    }

    @Test
    void longTextsAreNotCut() {
        String text = "The quick brown fox jumps over 42 dogs.\n".repeat(3000);
        int[] ids = tokenizer.encode(text);
        assertThat(ids).hasSizeGreaterThan(30_000);
        assertThat(tokenizer.decode(ids, false)).isEqualTo(text);
        String tooLong = "a".repeat((1 << 22) + 1);
        assertThatThrownBy(() -> tokenizer.encode(tooLong))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("4194305");
    }

    @Test
    void tokensAreLookedUp() {
        assertThat(tokenizer.tokenId("<|mdm_mask|>")).hasValue(2044);
        assertThat(tokenizer.tokenId("!")).hasValue(0);
        assertThat(tokenizer.tokenId("no such token")).isEmpty();
        assertThat(tokenizer.token(2044)).isEqualTo("<|mdm_mask|>");
        assertThat(tokenizer.token(0)).isEqualTo("!");
        int[] emoji = tokenizer.encode("😀");
        assertThat(emoji).hasSizeGreaterThan(1);
        assertThat(tokenizer.token(emoji[0])).isEqualTo("\uFFFD");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 2048, 126_336, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void unknownIdsAreNamed(int id) {
        assertThatThrownBy(() -> tokenizer.decode(new int[] {0, id}, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("tokens[1] = " + id);
        assertThatThrownBy(() -> tokenizer.token(id)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void severalThreadsShareOne() throws Exception {
        List<String> texts = new ArrayList<>();
        List<int[]> expected = new ArrayList<>();
        Random random = new Random(7);
        for (int i = 0; i < 200; i++) {
            StringBuilder text = new StringBuilder();
            for (int j = random.nextInt(100); j >= 0; j--) {
                text.appendCodePoint(random.nextInt(10) == 0 ? 0x1F600 + random.nextInt(50) : 32 + random.nextInt(95));
            }
            texts.add(text.toString());
            expected.add(tokenizer.encode(text.toString()));
        }
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            Callable<Boolean> all = () -> {
                for (int i = 0; i < texts.size(); i++) {
                    int[] ids = tokenizer.encode(texts.get(i));
                    assertThat(ids).containsExactly(expected.get(i));
                    assertThat(tokenizer.decode(ids, false)).isEqualTo(texts.get(i));
                }
                return true;
            };
            for (Future<Boolean> result : threads.invokeAll(List.of(all, all, all, all))) {
                assertThat(result.get()).isTrue();
            }
        }
    }

    @Test
    void closedMeansClosed() {
        Tokenizer other = Tokenizer.load(demo);
        other.close();
        other.close();
        assertThatThrownBy(() -> other.encode("a"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("closed");
        assertThatThrownBy(() -> other.decode(new int[] {1}, true)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> other.token(1)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void closingWhileOthersEncodeIsSafe() throws Exception {
        for (int round = 0; round < 20; round++) {
            Tokenizer other = Tokenizer.load(demo);
            try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
                for (int i = 0; i < 3; i++) {
                    threads.submit(() -> {
                        while (true) {
                            other.encode("some text to encode"); // until it throws
                        }
                    });
                }
                Thread.sleep(3);
                other.close();
            }
            assertThatThrownBy(() -> other.encode("a")).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void noTokenizerSaysWhatElseWorks() {
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("token ids");
    }

    @Test
    void loadingLeavesNoSystemProperty() {
        assertThat(System.getProperty("RUST_FLAVOR")).isNull();
        assertThat(System.getProperty("slf4j.internal.verbosity")).isNull();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "``~an empty file",
                "{~malformed JSON",
                "nonsense~malformed JSON",
                "[]~JSON object",
                "{}~model",
                "{\"model\": 1}~model",
                "{\"model\": {}}~model.vocab",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": \"b\"}, \"merges\": []}}~model.vocab",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": -1}, \"merges\": []}}~model.vocab",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 4294967296}, \"merges\": []}}~model.vocab",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 4194304}, \"merges\": []}}~model.vocab",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 1, \"a\": 2}, \"merges\": []}}~malformed JSON",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [\"x y\"]}}~not a tokenizer",
                "{\"model\": {\"type\": \"XYZ\", \"vocab\": {\"a\": 0}, \"merges\": []}}~not a tokenizer",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}, \"added_tokens\": 3}~added_tokens",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}, \"added_tokens\": [{}]}~added_tokens[0].content",
                "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}, \"added_tokens\": [{\"content\": \"a\", \"id\": 7}]}~two ids",
                "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 5, \"vocab\": [[\"a\", 0.0]]}}~not a tokenizer",
                "{\"model\": {\"type\": \"Unigram\", \"vocab\": [3]}}~model.vocab[0][0]",
                "{\"normalizer\": {\"type\": \"Precompiled\", \"precompiled_charsmap\": \"AAAA\"}, \"model\": {}}~Precompiled",
                "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Precompiled\"}]}, \"model\": {}}~Precompiled",
                "{\"normalizer\": {\"precompiled_charsmap\": \"AAAA\"}, \"model\": {}}~Precompiled",
            })
    void malformedFilesAreNamed(String json, String part) throws IOException {
        Files.writeString(folder.resolve("tokenizer.json"), json);
        assertThatThrownBy(() -> Tokenizer.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(folder.resolve("tokenizer.json").toString())
                .hasMessageContaining(part);
    }

    /**
     * No mutation ends in anything but a tokenizer or the documented exception; a crash of the native side would end
     * this process.
     */
    @Test
    void mutatedFilesFailCleanly() throws IOException {
        byte[] original = Files.readAllBytes(demo.resolve("tokenizer.json"));
        Random random = new Random(11);
        int rejected = 0;
        for (int i = 0; i < 150; i++) {
            byte[] bytes = original.clone();
            if (i % 3 == 0) {
                bytes = java.util.Arrays.copyOf(bytes, random.nextInt(bytes.length));
            } else {
                for (int j = random.nextInt(3);
                        j >= 0;
                        j--) { // the first 900 bytes hold the structure, the rest the vocabulary
                    int at = random.nextInt(i % 3 == 1 ? 1700 : bytes.length);
                    bytes[at] = (byte)
                            (random.nextBoolean() ? "{}[],:\"0x".charAt(random.nextInt(9)) : random.nextInt(256));
                }
            }
            Files.write(folder.resolve("tokenizer.json"), bytes);
            try (Tokenizer other = Tokenizer.load(folder)) {
                other.decode(other.encode("Hello 123 <|eot_id|>"), true);
            } catch (CheckpointException e) {
                assertThat(e).hasMessageContaining("tokenizer.json");
                rejected++;
            } catch (IllegalArgumentException e) {
                assertThat(e).hasMessageContaining("cannot be encoded");
            }
        }
        assertThat(rejected).isGreaterThan(50);
    }

    private static ObjectNode demoJson() throws IOException {
        return (ObjectNode) JSON.readTree(demo.resolve("tokenizer.json").toFile());
    }

    private Tokenizer write(ObjectNode root) throws IOException {
        Files.write(folder.resolve("tokenizer.json"), root.toString().getBytes(StandardCharsets.UTF_8));
        return Tokenizer.load(folder);
    }
}
