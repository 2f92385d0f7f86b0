package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command lines that README, docs and the help's examples show have commands and options that exist, with values they take. */
class DocumentedCommandsTest {

    private static final Pattern IN_DOCS = Pattern.compile("sparsed\\.jar(?: \\\\\n)? +([a-z].*)");
    private static final Pattern IN_HELP = Pattern.compile("sparsed ([a-z].*)");

    /** A word, bare or in quotes. */
    private static final Pattern WORD = Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)");

    private static Stream<Class<?>> commands() {
        return Arrays.stream(Main.class.getAnnotation(Command.class).subcommands());
    }

    static List<String> shown() throws IOException {
        List<String> lines = new ArrayList<>();
        for (Path page : DocumentedPages.all()) {
            String text = Files.readString(page).replaceAll("\\\\\n +", ""); // a line that goes on in the next one
            matches(IN_DOCS, text).forEach(lines::add);
        }
        commands()
                .flatMap(type -> Arrays.stream(type.getAnnotation(Command.class).footer()))
                .filter(line -> line.startsWith("Example: ") || line.startsWith("   "))
                .flatMap(line -> matches(IN_HELP, line))
                .forEach(lines::add);
        return lines;
    }

    private static Stream<String> matches(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(match -> match.group(1));
    }

    /** Up to a comment, a redirection or the end of what is quoted as code; brackets say that something may be left out. */
    private static List<String> words(String line) {
        List<String> words = new ArrayList<>();
        Matcher matcher = WORD.matcher(line.replaceAll("\\[(--.*?)]", "$1").replaceAll("`.*", ""));
        while (matcher.find() && !matcher.group().matches("[#>|].*|\\.\\.\\.")) {
            words.add(Stream.of(1, 2, 3)
                    .map(matcher::group)
                    .filter(word -> word != null)
                    .findFirst()
                    .orElseThrow());
        }
        return words;
    }

    @ParameterizedTest
    @MethodSource("shown")
    void isUnderstood(String line) throws ReflectiveOperationException {
        List<String> words = words(line);
        Class<?> type = commands()
                .filter(command -> command.getAnnotation(Command.class).name().equals(words.getFirst()))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no command " + words.getFirst()));
        CommandLine command = new CommandLine(type.getDeclaredConstructor().newInstance());
        command.setCaseInsensitiveEnumValuesAllowed(true);
        assertThatCode(() -> command.parseArgs(words.subList(1, words.size()).toArray(String[]::new)))
                .as(line)
                .doesNotThrowAnyException();
    }

    @Test
    void manyAreShown() throws IOException {
        assertThat(shown()).hasSizeGreaterThan(50);
        assertThat(words("generate --stop '\"7\"' --prompt \"a b\" [--json] > out.txt # why"))
                .containsExactly("generate", "--stop", "\"7\"", "--prompt", "a b", "--json");
    }
}
