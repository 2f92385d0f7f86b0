package dev.sparsed.bench.quality;

import dev.sparsed.ChatMessage;
import dev.sparsed.DiffusionModel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.ToIntBiFunction;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Makes tasks of any length in the manner of RULER (arXiv 2404.06654, §3): facts hidden in a long text, and a question about some of them. The
 * prompts have the form of the demo model's. A task follows from family, length and seed.
 *
 * @param promptTokens how many tokens a prompt has, from what the user says and how the assistant's answer starts
 * @param filler the text around the facts, repeated as needed; its words are kept whole
 * @param genLength G, tokens to generate
 * @param blockLength tokens per semi-autoregressive block
 * @param steps T, denoising steps
 */
public record NeedleTasks(
        ToIntBiFunction<String, String> promptTokens, String filler, int genLength, int blockLength, int steps) {

    /** The text that RULER fills with. */
    public static final String NOISE =
            " The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

    private static final Pattern WORD = Pattern.compile("\\s*\\S+");
    private static final int MOST_DISTRACTORS = 200;
    private static final int MOST_DRAWS = 1000;

    /** A needle is about so many tokens: more distractors than fit are not tried. */
    private static final int NEEDLE_TOKENS = 20;

    private static final String[] KEYS =
            ("answer army banquet battle beauty bosom bounty bridge brother candle castle chamber"
                            + " children comfort council country courage crown cunning danger daughter desire dinner doctor dragon"
                            + " evening fortune garden general glory harvest heaven honour horse humble iron island journey justice"
                            + " kingdom ladder lantern letter liberty lion market marriage master measure message midnight mirror"
                            + " mountain music nature needle orchard palace patience peace people picture pilgrim pleasure poison"
                            + " prayer prince prison promise purple question reason river rose sailor season secret shadow shepherd"
                            + " silence silver sister sorrow spirit stone storm summer sword temple thunder tower treasure trumpet"
                            + " valley velvet victory village violet virtue wagon water wedding whisper window winter wisdom")
                    .split(" ");

    /** A kind of task. */
    public enum Family {
        /** One needle. */
        NIAH_SINGLE,
        /** One needle among others with other keys. */
        NIAH_MULTIKEY,
        /** All numbers of one key. */
        NIAH_MULTIVALUE,
        /** The numbers of several keys. */
        NIAH_MULTIQUERY,
        /** All variables of a chain of assignments. */
        VARIABLE_TRACKING
    }

    /** Facts, in the order in which they are hidden, and the question about them. */
    record Riddle(NeedleForm form, List<String> facts, int needed) {}

    /** Checks the ranges. */
    public NeedleTasks {
        if (!WORD.matcher(filler).find()) {
            throw new IllegalArgumentException("filler: must hold a word");
        }
        if (genLength < 1 || blockLength < 1 || steps < 1) {
            throw new IllegalArgumentException("genLength = " + genLength + ", blockLength = " + blockLength
                    + ", steps = " + steps + ": all must be at least 1");
        }
    }

    /**
     * Tasks for a model: 32 tokens to generate in one block of 16 steps, as the demo model's.
     *
     * @param model counts with its chat template and tokenizer
     * @param filler the text around the facts, such as {@link #NOISE}
     * @return the generator; usable while the model is open
     */
    public static NeedleTasks of(DiffusionModel model, String filler) {
        return new NeedleTasks(
                (user, prefix) -> model.tokenizer()
                        .encode(model.chatTemplate().render(List.of(ChatMessage.user(user)), true) + prefix)
                        .length,
                filler,
                32,
                32,
                16);
    }

    /**
     * Makes a task.
     *
     * @param id its number
     * @param family which kind
     * @param length tokens of prompt and generation; the prompt is filled up as far as whole words allow
     * @param seed the same seed gives the same task
     * @return the task
     * @throws IllegalArgumentException if facts and question alone are longer, or no answer of {@code genLength} tokens was found
     */
    public Task task(int id, Family family, int length, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int room = length - genLength;
        Riddle riddle = answerable(family, room, random);
        double[] places = random.doubles(riddle.facts.size()).sorted().toArray();
        String[] words = WORD.matcher(filler).results().map(MatchResult::group).toArray(String[]::new);
        int start = random.nextInt(words.length);
        List<String> facts = new ArrayList<>(riddle.facts);
        while (count(riddle, facts, places, words, start, 0) > room && facts.size() > riddle.needed) {
            facts.remove(riddle.form.firstDistractor(facts));
        }
        int fewest = count(riddle, facts, places, words, start, 0);
        if (fewest > room) {
            throw new IllegalArgumentException("length = " + length + ": " + family + " needs at least "
                    + (fewest + genLength) + " tokens, " + genLength + " of them to generate");
        }
        int fits = 0;
        int tooMany = room + 1; // a word is at least about a token; if not, the loop finds the largest number it tries
        while (tooMany - fits > 1) {
            int middle = (fits + tooMany) >>> 1;
            if (count(riddle, facts, places, words, start, middle) <= room) {
                fits = middle;
            } else {
                tooMany = middle;
            }
        }
        return new Task(
                id,
                family.name().toLowerCase(Locale.ROOT),
                length,
                riddle.form.user(text(facts, places, words, start, fits)),
                riddle.form.assistantPrefix(),
                genLength,
                blockLength,
                steps,
                riddle.form.mode(),
                riddle.form.answer());
    }

    /** Draws until the answer and an end token fit the generation: keys of many tokens do not. */
    private Riddle answerable(Family family, int room, SplittableRandom random) {
        int empty = promptTokens.applyAsInt("", "");
        for (int draw = 0; draw < MOST_DRAWS; draw++) {
            Riddle riddle = family == Family.VARIABLE_TRACKING ? variables(random) : needles(family, room, random);
            if (promptTokens.applyAsInt("", riddle.form.answerText()) - empty < genLength) {
                return riddle;
            }
        }
        throw new IllegalArgumentException(
                "genLength = " + genLength + ": too few tokens for an answer to " + family + "; generate more");
    }

    private int count(Riddle riddle, List<String> facts, double[] places, String[] words, int start, int fillerWords) {
        return promptTokens.applyAsInt(
                riddle.form.user(text(facts, places, words, start, fillerWords)), riddle.form.assistantPrefix());
    }

    /** Filler with the facts at their places. */
    private static String text(List<String> facts, double[] places, String[] words, int start, int fillerWords) {
        StringBuilder text = new StringBuilder();
        int fact = 0;
        for (int word = 0; word <= fillerWords; word++) {
            while (fact < facts.size() && places[fact] * (fillerWords + 1) < word + 1) {
                text.append(facts.get(fact++));
            }
            if (word < fillerWords) {
                text.append(words[(start + word) % words.length]);
            }
        }
        return text.toString();
    }

    private static Riddle needles(Family family, int room, SplittableRandom random) {
        int queried = family == Family.NIAH_MULTIQUERY ? random.nextInt(2, 4) : 1;
        int values = family == Family.NIAH_MULTIVALUE ? random.nextInt(2, 4) : 1;
        int most = Math.clamp(room / NEEDLE_TOKENS - queried * values, 0, MOST_DISTRACTORS);
        int distractors = switch (family) {
            case NIAH_SINGLE -> 0;
            case NIAH_MULTIVALUE -> random.nextInt(Math.min(3, most) + 1);
            default -> distractors(random, most);
        };
        List<String> keys = keys(random, queried + distractors);
        List<String> facts = new ArrayList<>();
        List<String> answer = new ArrayList<>();
        for (int key = 0; key < keys.size(); key++) {
            for (int value = 0; value < (key < queried ? values : 1); value++) {
                String number = number(random);
                facts.add(NeedleForm.needle(keys.get(key), number));
                if (key < queried) {
                    answer.add(number);
                }
            }
        }
        shuffle(facts, random);
        boolean all = family == Family.NIAH_MULTIVALUE;
        return new Riddle(NeedleForm.ofNumbers(keys.subList(0, queried), all, answer), facts, queried * values);
    }

    /** Mostly a few, now and then as many as there is room for. */
    private static int distractors(SplittableRandom random, int most) {
        double kind = random.nextDouble();
        int limit = Math.min(most, kind < 0.45 ? 3 : kind < 0.7 ? 7 : most);
        return random.nextInt(Math.min(1, limit), limit + 1);
    }

    private static Riddle variables(SplittableRandom random) {
        int hops = random.nextInt(1, 5);
        boolean decoy = random.nextInt(5) < 2;
        Set<String> names = new LinkedHashSet<>();
        while (names.size() < (hops + 1) * (decoy ? 2 : 1)) {
            names.add((char) ('A' + random.nextInt(26)) + String.valueOf(random.nextInt(10, 100)));
        }
        List<String> all = List.copyOf(names);
        List<String> chain = all.subList(0, hops + 1);
        String value = number(random);
        List<String> facts = NeedleForm.chain(chain, value);
        if (decoy) {
            merge(facts, NeedleForm.chain(all.subList(hops + 1, all.size()), number(random)), random);
        }
        return new Riddle(NeedleForm.ofVariables(value, chain), facts, facts.size());
    }

    /** Puts the second list among the first, both in their order. */
    private static void merge(List<String> facts, List<String> others, SplittableRandom random) {
        int at = 0;
        for (String other : others) {
            at = random.nextInt(at, facts.size() + 1);
            facts.add(at++, other);
        }
    }

    private static List<String> keys(SplittableRandom random, int count) {
        Set<String> keys = new LinkedHashSet<>();
        while (keys.size() < count) {
            String key = KEYS[random.nextInt(KEYS.length)];
            keys.add(random.nextInt(4) == 0 ? key + "-" + KEYS[random.nextInt(KEYS.length)] : key);
        }
        return List.copyOf(keys);
    }

    private static String number(SplittableRandom random) {
        return String.valueOf(random.nextInt(10_000, 100_000));
    }

    private static void shuffle(List<String> list, SplittableRandom random) {
        for (int i = list.size() - 1; i > 0; i--) {
            list.set(i, list.set(random.nextInt(i + 1), list.get(i)));
        }
    }
}
