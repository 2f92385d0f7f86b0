package dev.sparsed.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A hand-made vocabulary in Qwen2's slow format; the expected tokens follow from its merges by hand. */
class Qwen2FilesTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Ġ is the byte-level letter of a space, Ċ of a line break, Ã and © of the two bytes of é. */
    private static final List<String> TOKENS = List.of(
            "h", "e", "l", "o", "w", "r", "d", "1", "2", "!", "'", "s", "Ġ", "Ċ", "Ã", "©", "he", "ll", "hell", "hello",
            "Ġw", "or", "ld", "Ġwor", "Ġworld", "'s", "12", "Ã©", "o!", "ĠĠ");

    private static final List<String> MERGES = List.of(
            "h e", "l l", "he ll", "hell o", "Ġ w", "o r", "l d", "Ġw or", "Ġwor ld", "' s", "1 2", "Ã ©", "o !",
            "Ġ Ġ");

    @TempDir
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        ObjectNode vocabulary = JSON.createObjectNode();
        for (int i = 0; i < TOKENS.size(); i++) {
            vocabulary.put(TOKENS.get(i), i);
        }
        Files.writeString(folder.resolve("vocab.json"), vocabulary.toString());
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n" + String.join("\n", MERGES) + "\n");
        config(
                "Qwen2Tokenizer",
                "\"30\": {\"content\": \"<|end|>\", \"special\": true},"
                        + " \"31\": {\"content\": \"<tool>\", \"special\": false}");
    }

    private void config(String name, String added) throws IOException {
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"tokenizer_class\": \"" + name + "\", \"added_tokens_decoder\": {" + added + "}}");
    }

    private List<String> tokens(String text) {
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            return Arrays.stream(tokenizer.encode(text))
                    .mapToObj(id -> id < TOKENS.size() ? TOKENS.get(id) : "#" + id)
                    .toList();
        }
    }

    @Test
    void wordsAreMergedInTheOrderOfTheFile() {
        assertThat(tokens("hello world")).containsExactly("hello", "Ġworld");
        assertThat(tokens("hehell")).containsExactly("he", "hell");
    }

    @Test
    void piecesAreSplitAsQwen2DoesBeforeTheyAreMerged() {
        assertThat(tokens("12")).containsExactly("1", "2"); // digits stand alone, although there is a merge
        assertThat(tokens("hello!")).containsExactly("hello", "!"); // no merge over the border of word and punctuation
        assertThat(tokens("hello's")).containsExactly("hello", "'s");
        assertThat(tokens("hello   world")).containsExactly("hello", "ĠĠ", "Ġworld"); // the last space joins the word
        assertThat(tokens("!\nhello")).containsExactly("!", "Ċ", "hello");
    }

    @Test
    void textIsNormalizedToItsComposedForm() {
        assertThat(tokens("\u00e9")).containsExactly("Ã©");
        assertThat(tokens("e\u0301")).containsExactly("Ã©");
    }

    @Test
    void addedTokensAreOneTokenEach() {
        assertThat(tokens("hello<|end|><tool>hello")).containsExactly("hello", "#30", "#31", "hello");
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            assertThat(tokenizer.decode(new int[] {19, 24, 30, 31}, true)).isEqualTo("hello world<tool>");
            assertThat(tokenizer.decode(new int[] {27, 30}, false)).isEqualTo("\u00e9<|end|>");
            assertThat(tokenizer.tokenId("<|end|>")).hasValue(30);
            assertThat(tokenizer.contains(32)).isFalse();
        }
    }

    @Test
    void tokenizerJsonComesFirst() throws IOException {
        Files.copy(Path.of("src/test/resources/demo-tokenizer/tokenizer.json"), folder.resolve("tokenizer.json"));
        try (Tokenizer tokenizer = Tokenizer.load(folder)) {
            assertThat(tokenizer.tokenId("<|startoftext|>")).hasValue(2042);
        }
    }

    @Test
    void refusesInWords() throws IOException {
        config("GPT2Tokenizer", "");
        refused("tokenizer_class", "GPT2Tokenizer", "save_pretrained");
        config("Qwen2Tokenizer", "\"33\": {\"content\": \"<|end|>\"}");
        refused("added_tokens_decoder", "<|end|>", "33", "the next free one is 30");
        config("Qwen2Tokenizer", "\"5\": {\"content\": \"hello\"}");
        refused("added_tokens_decoder", "hello", "vocab.json gives it 19");
        config("Qwen2Tokenizer", "\"x\": {\"content\": \"hello\"}");
        refused("added_tokens_decoder", "has x");
        config("Qwen2Tokenizer", "");
        Files.writeString(folder.resolve("merges.txt"), "h e\nh e l\n");
        refused("merges.txt", "line 2");
        Files.writeString(folder.resolve("merges.txt"), "h zz\n");
        refused("not a tokenizer", "zz");
        Files.delete(folder.resolve("tokenizer_config.json"));
        refused("has no tokenizer_config.json");
        Files.delete(folder.resolve("merges.txt"));
        refused("neither tokenizer.json nor vocab.json and merges.txt");
    }

    private void refused(String... parts) {
        assertThatThrownBy(() -> Tokenizer.load(folder).close())
                .isInstanceOf(CheckpointException.class)
                .message()
                .contains(parts);
    }
}
