package dev.sparsed.bench.cli;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.SparseD;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Dense attention or SparseD. */
final class PolicyOptions {

    /** The policies by name. */
    enum Policy {
        /** Dense attention in every step. */
        DENSE,
        /** SparseD. */
        SPARSED
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
            defaultValue = "dense",
            description = "Attention: dense or sparsed. Default: ${DEFAULT-VALUE}.")
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
            names = "--select",
            paramLabel = "SHARE",
            description = "SparseD: share of the key blocks to keep, 0 ... 1.")
    private @Nullable Double select;

    @Option(names = "--block-size", paramLabel = "N", description = "SparseD: positions per block.")
    private @Nullable Integer blockSize;

    /**
     * The policy that is meant.
     *
     * @return the policy
     * @throws IllegalArgumentException if a setting is out of range, or given for dense attention
     */
    AttentionPolicy policy() {
        if (policy == Policy.DENSE) {
            if (preset != null || skip != null || denseSteps != null || select != null || blockSize != null) {
                throw new IllegalArgumentException(
                        "--preset, --skip, --dense-steps, --select and --block-size go with --policy sparsed");
            }
            return AttentionPolicy.dense();
        }
        return sparseD();
    }

    /**
     * {@return SparseD with the settings given, whatever the policy}
     *
     * @throws IllegalArgumentException if a setting is out of range
     */
    AttentionPolicy sparseD() {
        if (skip != null && denseSteps != null) {
            throw new IllegalArgumentException("--skip and --dense-steps: give one");
        }
        SparseD base = preset == Preset.LONG ? SparseD.longContext() : SparseD.shortContext();
        SparseD method = new SparseD(
                skip == null ? base.skip() : skip,
                select == null ? base.select() : select,
                blockSize == null ? base.blockSize() : blockSize);
        return denseSteps == null ? method : method.afterSteps(denseSteps);
    }
}
