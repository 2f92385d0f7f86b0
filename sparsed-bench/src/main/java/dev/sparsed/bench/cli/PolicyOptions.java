package dev.sparsed.bench.cli;

import dev.sparsed.attention.Antidiagonal;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.PowerStrided;
import dev.sparsed.attention.SinkWindow;
import dev.sparsed.attention.SlidingWindow;
import dev.sparsed.attention.SparseD;
import dev.sparsed.attention.SparseDAblation.Part;
import dev.sparsed.attention.Strided;
import dev.sparsed.attention.UniformRandom;
import dev.sparsed.attention.VerticalSlash;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** How attention looks, by name. */
final class PolicyOptions {

    private static final String SELECT = "--select";
    private static final String BLOCK_SIZE = "--block-size";
    private static final List<String> STATIC = List.of("--preset", SELECT, BLOCK_SIZE);
    private static final List<String> ABLATION = List.of("--preset", "--skip", SELECT, BLOCK_SIZE);
    private static final String REFRESH_BELOW = "--refresh-below";
    private static final String REFRESH_INTERVAL = "--refresh-interval";

    /** The policies by name. */
    enum Policy {
        /** Dense attention in every step. */
        DENSE(List.of()),
        /** SparseD. */
        SPARSED(List.of("--preset", "--skip", "--dense-steps", SELECT, BLOCK_SIZE, REFRESH_BELOW, REFRESH_INTERVAL)),
        /** SparseD where it pays. */
        AUTO(List.of()),
        /** SparseD with a budget by coverage. */
        COVERAGE(List.of(
                "--skip",
                "--coverage",
                "--floor",
                "--cap",
                "--isolation",
                BLOCK_SIZE,
                REFRESH_BELOW,
                REFRESH_INTERVAL)),
        /** A sliding window. */
        WINDOW(STATIC),
        /** The first block and a window. */
        SINK_WINDOW(STATIC),
        /** Strides that differ among heads. */
        STRIDED(STATIC),
        /** Powers of two. */
        POWER_STRIDED(List.of(BLOCK_SIZE)),
        /** Random blocks. */
        RANDOM(STATIC),
        /** SparseD's schedule with XAttention's scores. */
        ANTIDIAGONAL(List.of("--skip", "--coverage", "--stride", BLOCK_SIZE)),
        /** SparseD's schedule with MInference's lines. */
        VERTICAL_SLASH(ABLATION),
        /** SparseD that selects in every sparse step. */
        NO_REUSE(ABLATION),
        /** SparseD that selects prompt and generation together. */
        NO_ISOLATION(ABLATION),
        /** SparseD without dense steps. */
        NO_SKIP(ABLATION),
        /** SparseD whose selecting step is block-sparse. */
        NO_DENSE_SELECTION(ABLATION);

        private final List<String> settings;

        Policy(List<String> settings) {
            this.settings = settings;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT).replace('_', '-');
        }
    }

    /** Reads a policy's name. */
    static final class PolicyName implements ITypeConverter<Policy> {

        @Override
        public Policy convert(String value) {
            return Arrays.stream(Policy.values())
                    .filter(policy -> policy.toString().equalsIgnoreCase(value))
                    .findFirst()
                    .orElseThrow(() -> new TypeConversionException(
                            "expected one of " + Arrays.toString(Policy.values()) + " but was '" + value + "'"));
        }
    }

    /** The settings of SparseD's paper. */
    enum Preset {
        /** For long contexts. */
        LONG,
        /** For short contexts. */
        SHORT
    }

    @Option(
            names = "--policy",
            paramLabel = "NAME",
            converter = PolicyName.class,
            defaultValue = "dense",
            description = "Attention: dense, sparsed, auto (sparsed from 4096 tokens on, else dense), coverage; for"
                    + " comparison the fixed patterns window, sink-window, strided, power-strided and random, the"
                    + " selections antidiagonal and vertical-slash, and the ablations of sparsed no-reuse, no-isolation,"
                    + " no-skip and no-dense-selection. Default: ${DEFAULT-VALUE}.")
    private Policy policy = Policy.DENSE;

    @Option(
            names = "--preset",
            paramLabel = "NAME",
            description =
                    "SparseD's settings: long (skip 0.2, select 0.3, block size 128) or short (0.2, 0.5, 32). Default: short.")
    private @Nullable Preset preset;

    @Option(names = "--skip", paramLabel = "SHARE", description = "SparseD: share of the steps that stay dense.")
    private @Nullable Double skip;

    @Option(
            names = "--dense-steps",
            paramLabel = "N",
            description =
                    "SparseD: so many steps stay dense, instead of a share; for commit rules that end blocks early.")
    private @Nullable Integer denseSteps;

    @Option(
            names = SELECT,
            paramLabel = "SHARE",
            description = "SparseD and fixed patterns: share of the key blocks to keep, 0 ... 1.")
    private @Nullable Double select;

    @Option(
            names = BLOCK_SIZE,
            paramLabel = "N",
            description = "Positions per block. Default: 8 for coverage, else the preset's.")
    private @Nullable Integer blockSize;

    @Option(
            names = "--coverage",
            paramLabel = "SHARE",
            description = "coverage, antidiagonal: share of the attention that the kept blocks cover, 0 ... 1. Default:"
                    + " 0.93; for antidiagonal 0.9.")
    private @Nullable Double coverage;

    @Option(
            names = "--floor",
            paramLabel = "SHARE",
            description = "coverage: the least share of blocks to keep. Default: 0, one block.")
    private @Nullable Double floor;

    @Option(
            names = "--cap",
            paramLabel = "SHARE",
            description = "coverage: the largest share of blocks to keep. Default: 1, all of them.")
    private @Nullable Double cap;

    @Option(
            names = "--isolation",
            paramLabel = "BOOLEAN",
            arity = "1",
            description = "coverage: whether the generation's blocks are chosen among themselves. Default: false.")
    private @Nullable Boolean isolation;

    @Option(
            names = "--stride",
            paramLabel = "N",
            description = "antidiagonal: side of the tiles whose antidiagonals are scored. Default: 8.")
    private @Nullable Integer stride;

    @Option(
            names = REFRESH_BELOW,
            paramLabel = "SHARE",
            description = "sparsed, coverage: select anew when a head is seen to keep less than this share of the dense"
                    + " attention. Default: select once.")
    private @Nullable Double refreshBelow;

    @Option(
            names = REFRESH_INTERVAL,
            paramLabel = "N",
            description = "With --refresh-below: look every N block-sparse steps. Default: 8.")
    private @Nullable Integer refreshInterval;

    /**
     * The policy that is meant.
     *
     * @return the policy
     * @throws IllegalArgumentException if a setting is out of range, or given for a policy that has no use for it
     */
    AttentionPolicy policy() {
        for (String option : given().keySet()) {
            if (!policy.settings.contains(option)) {
                throw new IllegalArgumentException(option + ": does not go with --policy " + policy + ", which has "
                        + (policy.settings.isEmpty() ? "no settings" : String.join(", ", policy.settings)));
            }
        }
        return refreshed(unrefreshed());
    }

    private AttentionPolicy refreshed(AttentionPolicy selecting) {
        if (refreshBelow == null && refreshInterval != null) {
            throw new IllegalArgumentException(REFRESH_INTERVAL + ": needs " + REFRESH_BELOW);
        }
        return refreshBelow == null ? selecting : selecting.refreshing(refreshBelow, orElse(refreshInterval, 8));
    }

    private AttentionPolicy unrefreshed() {
        SparseD method = sparseD();
        return switch (policy) {
            case DENSE -> AttentionPolicy.dense();
            case SPARSED -> counted(method);
            case AUTO -> SparseD.auto();
            case COVERAGE -> coverage();
            case WINDOW -> new SlidingWindow(method.select(), method.blockSize());
            case SINK_WINDOW -> new SinkWindow(1, method.select(), method.blockSize());
            case STRIDED -> new Strided(method.select(), method.blockSize());
            case POWER_STRIDED -> new PowerStrided(1, method.blockSize());
            case RANDOM -> new UniformRandom(method.select(), method.blockSize(), 0);
            case ANTIDIAGONAL ->
                new Antidiagonal(method.skip(), orElse(coverage, 0.9), orElse(stride, 8), method.blockSize());
            case VERTICAL_SLASH -> new VerticalSlash(method.skip(), method.select(), method.blockSize());
            case NO_REUSE -> method.without(Part.REUSE);
            case NO_ISOLATION -> method.without(Part.ISOLATION);
            case NO_SKIP -> method.without(Part.SKIP);
            case NO_DENSE_SELECTION -> method.without(Part.DENSE_SELECTION);
        };
    }

    /** {@return name and settings given, such as {@code sparsed:select=0.3:block-size=32}} */
    String spec() {
        StringBuilder spec = new StringBuilder(policy.toString());
        given().forEach((option, value) -> spec.append(':')
                .append(option.substring(2))
                .append('=')
                .append(value.toString().toLowerCase(Locale.ROOT)));
        return spec.toString();
    }

    /**
     * Other options.
     *
     * @param spec a policy's name, and settings such as {@code select=0.3} after colons; the settings given here hold where it has them and says
     *     nothing else
     * @return the options that it stands for
     * @throws IllegalArgumentException if it does not stand for any
     */
    PolicyOptions with(String spec) {
        List<String> parts = List.of(spec.split(":"));
        List<String> arguments = new ArrayList<>(List.of("--policy", parts.getFirst()));
        parts.stream().skip(1).map("--"::concat).forEach(arguments::add);
        try {
            PolicyOptions named = parsed(arguments);
            Map<String, Object> own = named.given();
            given().forEach((option, value) -> {
                if (named.policy.settings.contains(option) && !own.containsKey(option)) {
                    arguments.add(option + "=" + value);
                }
            });
            return parsed(arguments);
        } catch (CommandLine.ParameterException e) {
            throw new IllegalArgumentException("--policies " + spec + ": " + e.getMessage(), e);
        }
    }

    private static PolicyOptions parsed(List<String> arguments) {
        PolicyOptions options = new PolicyOptions();
        new CommandLine(options).setCaseInsensitiveEnumValuesAllowed(true).parseArgs(arguments.toArray(String[]::new));
        return options;
    }

    /** The settings given, by option. */
    private Map<String, Object> given() {
        Map<String, @Nullable Object> all = new LinkedHashMap<>();
        all.put("--preset", preset);
        all.put("--skip", skip);
        all.put("--dense-steps", denseSteps);
        all.put(SELECT, select);
        all.put("--coverage", coverage);
        all.put("--floor", floor);
        all.put("--cap", cap);
        all.put("--isolation", isolation);
        all.put("--stride", stride);
        all.put(BLOCK_SIZE, blockSize);
        all.put(REFRESH_BELOW, refreshBelow);
        all.put(REFRESH_INTERVAL, refreshInterval);
        Map<String, Object> given = new LinkedHashMap<>();
        all.forEach((option, value) -> {
            if (value != null) {
                given.put(option, value);
            }
        });
        return given;
    }

    private Coverage coverage() {
        Coverage base = Coverage.shortContext();
        return new Coverage(
                orElse(skip, base.skip()),
                orElse(coverage, base.coverage()),
                orElse(floor, base.floor()),
                orElse(cap, base.cap()),
                orElse(blockSize, base.blockSize()),
                orElse(isolation, base.isolated()));
    }

    private AttentionPolicy counted(SparseD method) {
        if (skip != null && denseSteps != null) {
            throw new IllegalArgumentException("--skip and --dense-steps: give one");
        }
        return denseSteps == null ? method : method.afterSteps(denseSteps);
    }

    private SparseD sparseD() {
        SparseD base = preset == Preset.LONG ? SparseD.longContext() : SparseD.shortContext();
        return new SparseD(
                orElse(skip, base.skip()), orElse(select, base.select()), orElse(blockSize, base.blockSize()));
    }

    private static <T> T orElse(@Nullable T value, T otherwise) {
        return value == null ? otherwise : value;
    }
}
