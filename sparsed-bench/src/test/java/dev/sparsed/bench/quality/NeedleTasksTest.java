package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.ChatMessage;
import dev.sparsed.DiffusionModel;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.NeedleTasks.Family;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The tasks that are made look like those that were recorded: one parser, written for the recorded ones, reads and solves both. */
class NeedleTasksTest {

    private static final Pattern NEEDLE =
            Pattern.compile(" One of the special magic numbers for ([a-z]+(?:-[a-z]+)?) is: ([0-9]{5})\\.");
    private static final Pattern ASSIGNMENT =
            Pattern.compile(" VAR ([A-Z][0-9]{2}) = (?:([0-9]{5})|VAR ([A-Z][0-9]{2}))\\.");
    private static final Pattern QUESTION = Pattern.compile(
            "\nWhat (is the special magic number|are the special magic numbers|are all the special magic numbers)"
                    + " for ([-a-z, ]+) mentioned in the text\\?$");
    private static final Pattern VARIABLE_QUESTION =
            Pattern.compile("\nFind all variables that are assigned the value ([0-9]{5})\\.$");

    /** What a reader answers. */
    private record Reading(String prefix, AnswerMode mode, List<String> answer, String filler, int facts) {}

    private static Reading read(Task task) {
        return task.name().equals("variable_tracking") ? readVariables(task) : readNumbers(task);
    }

    private static Reading readNumbers(Task task) {
        String intro = "Some special magic numbers are hidden within the following text. Memorize them.\n";
        assertThat(task.user()).startsWith(intro);
        Matcher question = QUESTION.matcher(task.user());
        assertThat(question.find()).as(task.user()).isTrue();
        String text = task.user().substring(intro.length(), question.start());
        List<MatchResult> needles = NEEDLE.matcher(text).results().toList();
        List<String> answer = new ArrayList<>();
        String[] keys = question.group(2).split(", | and ");
        for (String key : keys) {
            needles.stream()
                    .filter(needle -> needle.group(1).equals(key))
                    .forEach(needle -> answer.add(needle.group(2)));
        }
        String prefix = switch (question.group(1)) {
            case "is the special magic number" -> "The special magic number for " + keys[0] + " is: ";
            case "are all the special magic numbers" -> "The special magic numbers for " + keys[0] + " are: ";
            default -> "";
        };
        return new Reading(
                prefix,
                task.name().equals("niah_multivalue") ? AnswerMode.NUMSET : AnswerMode.NUMS,
                answer,
                NEEDLE.matcher(text).replaceAll(""),
                needles.size());
    }

    private static Reading readVariables(Task task) {
        String intro = "Memorize and track the chain of variable assignments hidden in the following text.\n";
        assertThat(task.user()).startsWith(intro);
        Matcher question = VARIABLE_QUESTION.matcher(task.user());
        assertThat(question.find()).as(task.user()).isTrue();
        String text = task.user().substring(intro.length(), question.start());
        List<String> known = new ArrayList<>();
        List<MatchResult> facts = ASSIGNMENT.matcher(text).results().toList();
        for (MatchResult fact : facts) {
            if (question.group(1).equals(fact.group(2)) || known.contains(fact.group(3))) {
                known.add(fact.group(1));
            }
        }
        return new Reading("", AnswerMode.SET, known, ASSIGNMENT.matcher(text).replaceAll(""), facts.size());
    }

    private static List<Task> recorded(Family family) throws IOException {
        try (InputStream in = DemoModel.tasks()) {
            return TaskFile.read(in, "recorded").stream()
                    .filter(task -> task.name().equals(family.name().toLowerCase(Locale.ROOT)))
                    .toList();
        }
    }

    private static void assertForm(Task task) {
        Reading reading = read(task);
        assertThat(task.assistantPrefix()).isEqualTo(reading.prefix);
        assertThat(task.mode()).isEqualTo(reading.mode);
        if (task.mode() == AnswerMode.NUMS) {
            assertThat(task.answer()).isEqualTo(reading.answer);
        } else {
            assertThat(task.answer()).containsExactlyInAnyOrderElementsOf(reading.answer);
        }
        assertThat(TaskChecker.solved(task, String.join(", ", reading.answer))).isTrue();
    }

    /** Words instead of tokens. */
    private static NeedleTasks generator(String filler) {
        return new NeedleTasks((user, prefix) -> (user + prefix).split("\\s+").length, filler, 32, 32, 16);
    }

    private static Stream<Task> made(Family family) {
        NeedleTasks tasks = generator(NeedleTasks.NOISE);
        return IntStream.range(0, 60).mapToObj(seed -> tasks.task(seed, family, 200 + 40 * seed, seed));
    }

    @ParameterizedTest
    @EnumSource
    void recordedAndMadeTasksHaveOneForm(Family family) throws IOException {
        assertThat(recorded(family)).hasSize(48).allSatisfy(NeedleTasksTest::assertForm);
        assertThat(made(family)).hasSize(60).allSatisfy(NeedleTasksTest::assertForm);
    }

    @ParameterizedTest
    @EnumSource
    void theFillerIsWhatWasGiven(Family family) {
        String twice = NeedleTasks.NOISE.repeat(200);
        assertThat(made(family))
                .allSatisfy(task -> assertThat(twice).contains(read(task).filler.strip()));
    }

    @Test
    void familiesDifferInWhatIsHidden() {
        Map<Family, int[]> counts = Stream.of(Family.values())
                .collect(Collectors.toMap(
                        family -> family,
                        family ->
                                made(family).mapToInt(task -> read(task).facts).toArray()));
        assertThat(counts.get(Family.NIAH_SINGLE)).containsOnly(1);
        assertThat(counts.get(Family.NIAH_MULTIKEY)).doesNotContain(1);
        assertThat(IntStream.of(counts.get(Family.NIAH_MULTIKEY)).max().orElseThrow())
                .isGreaterThan(40);
        assertThat(made(Family.NIAH_MULTIVALUE).map(task -> task.answer().size()))
                .contains(2, 3)
                .doesNotContain(1, 4);
        assertThat(made(Family.NIAH_MULTIQUERY).map(task -> task.answer().size()))
                .contains(2, 3)
                .doesNotContain(1, 4);
        assertThat(made(Family.VARIABLE_TRACKING).map(task -> task.answer().size()))
                .contains(2, 3, 4, 5)
                .doesNotContain(1, 6);
    }

    @ParameterizedTest
    @EnumSource
    void aSeedIsATask(Family family) {
        NeedleTasks tasks = generator(NeedleTasks.NOISE);
        assertThat(tasks.task(1, family, 500, 7)).isEqualTo(tasks.task(1, family, 500, 7));
        assertThat(made(family).map(Task::user).distinct()).hasSize(60);
    }

    @ParameterizedTest
    @EnumSource
    void fillsTheLengthToTheWord(Family family) {
        NeedleTasks tasks = generator("To be, or not to be,\nthat is the question:");
        for (int length = 160; length < 300; length += 7) {
            Task task = tasks.task(0, family, length, length);
            assertThat((task.user() + task.assistantPrefix()).split("\\s+")).hasSizeBetween(length - 33, length - 32);
            assertForm(task);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> tasks.task(0, family, 50, 1))
                .withMessageContaining("length = 50")
                .withMessageContaining("needs at least");
    }

    @Test
    void fillsTheDemoModelsContextToTheToken() {
        try (DemoModel demo = DemoModel.open();
                DiffusionModel model = DiffusionModel.load(demo.folder())) {
            NeedleTasks tasks = NeedleTasks.of(model, NeedleTasks.NOISE);
            for (Family family : Family.values()) {
                Task task = tasks.task(3, family, 1024, 5);
                String prompt = model.chatTemplate().render(List.of(ChatMessage.user(task.user())), true)
                        + task.assistantPrefix();
                assertThat(model.tokenizer().encode(prompt)).hasSizeBetween(1024 - 32 - 4, 1024 - 32);
            }
        }
    }

    @Test
    void theAnswerFitsTheGeneration() {
        NeedleTasks tasks = new NeedleTasks((user, prefix) -> (user + prefix).length(), NeedleTasks.NOISE, 40, 32, 16);
        for (int seed = 0; seed < 30; seed++) {
            Task task = tasks.task(0, Family.NIAH_MULTIQUERY, 1500, seed);
            Matcher question = QUESTION.matcher(task.user());
            assertThat(question.find()).isTrue();
            int keys = question.group(2).replaceAll(", | and ", "").length();
            int numbers = task.answer().size();
            assertThat(keys + numbers * " is: 12345".length() + (numbers - 1) * ", ".length())
                    .as(task.user())
                    .isLessThan(40);
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new NeedleTasks((user, prefix) -> 30 * prefix.length(), NeedleTasks.NOISE, 32, 32, 16)
                        .task(0, Family.NIAH_SINGLE, 1024, 1))
                .withMessageContaining("genLength = 32");
    }

    @Test
    void aTaskSurvivesItsFile() throws IOException {
        List<Task> tasks = new ArrayList<>();
        for (Family family : Family.values()) {
            tasks.addAll(recorded(family));
        }
        try (InputStream in = DemoModel.tasks()) {
            tasks.addAll(TaskFile.read(in, "recorded"));
        }
        String lines = tasks.stream().map(TaskFile::line).collect(Collectors.joining("\n"));
        assertThat(TaskFile.read(new ByteArrayInputStream(lines.getBytes(StandardCharsets.UTF_8)), "lines"))
                .isEqualTo(tasks);
    }
}
