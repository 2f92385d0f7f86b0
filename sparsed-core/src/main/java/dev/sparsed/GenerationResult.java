package dev.sparsed;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.AttentionReport;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.KeptMass;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a request generated, and what it took. Immutable. */
public final class GenerationResult {

    private final int[] tokens;
    private final @Nullable String text;
    private final float[] logProbabilities;
    private final int promptLength;
    private final boolean stopped;
    private final PhaseTimings timings;
    private final Forwards forwards;
    private final AttentionReport attention;
    private final BackendInfo backend;

    GenerationResult(
            int[] tokens,
            float[] logProbabilities,
            @Nullable String text,
            int promptLength,
            boolean stopped,
            PhaseTimings timings,
            Forwards forwards,
            AttentionReport attention,
            BackendInfo backend) {
        this.tokens = tokens.clone();
        this.text = text;
        this.logProbabilities = logProbabilities.clone();
        this.promptLength = promptLength;
        this.stopped = stopped;
        this.timings = timings;
        this.forwards = forwards;
        this.attention = attention;
        this.backend = backend;
    }

    /**
     * {@return a copy of the generated token ids, special tokens included: G, or those before the end that a stop token
     * or string marks}
     */
    public int[] tokens() {
        return tokens.clone();
    }

    /**
     * {@return a copy of ln p of every token when it was committed: under the model's logits, after bias and guidance,
     * before temperature and filters; NaN for fixed tokens and those that a hook put}
     */
    public float[] logProbabilities() {
        return logProbabilities.clone();
    }

    /** {@return whether a stop token or string ended the generation or cut it} */
    public boolean stopped() {
        return stopped;
    }

    /** {@return how often the model ran, and over how many rows} */
    public Forwards forwards() {
        return forwards;
    }

    /**
     * {@return the generated text without special tokens; what an assistant prefix said is not in it}
     *
     * @throws IllegalStateException if the request gave its prompt as token ids; {@link DiffusionModel#tokenizer()}
     *     has the text of {@link #tokens}
     */
    public String text() {
        if (text == null) {
            throw new IllegalStateException(
                    "the prompt was given as token ids, so nothing was decoded: use model.tokenizer().text(result.tokens())");
        }
        return text;
    }

    /** {@return P, the number of tokens in the prompt} */
    public int promptLength() {
        return promptLength;
    }

    /** {@return steps and time per kind of attention} */
    public PhaseTimings timings() {
        return timings;
    }

    /** {@return the policy that ran: the one that was asked for, or what {@link dev.sparsed.attention.SparseD#auto()} chose} */
    public AttentionPolicy policy() {
        return attention.policy();
    }

    /** {@return the last pattern of every layer, empty if all steps were dense} */
    public List<BlockPattern> patterns() {
        return attention.patterns();
    }

    /**
     * {@return by layer and query head, the share of dense attention that the pattern kept when it was last measured, the mean over the query rows,
     * 0 … 1; empty if the policy was not {@linkplain AttentionPolicy#measured() measured} or all steps were dense}
     */
    public List<List<Double>> keptMass() {
        return attention.keptMass();
    }

    /**
     * {@return what the patterns kept in later steps, by a sample of the rows; empty unless the policy was {@linkplain AttentionPolicy#measured(int)
     * measured with an interval} or is {@linkplain AttentionPolicy#refreshing refreshing}}
     */
    public List<KeptMass> sampledMass() {
        return attention.sampledMass();
    }

    /** {@return the share of key blocks each layer keeps, 0 … 1; empty if all steps were dense} */
    public List<Double> densityPerLayer() {
        return patterns().stream().map(BlockPattern::density).toList();
    }

    /** {@return the share of key blocks kept over all layers, 0 … 1; 1 if all steps were dense} */
    public double density() {
        return patterns().stream().mapToDouble(BlockPattern::density).average().orElse(1);
    }

    /** {@return what it ran on} */
    public BackendInfo backend() {
        return backend;
    }

    @Override
    public String toString() {
        return "GenerationResult[" + (text == null ? tokens.length + " tokens" : '"' + text + '"') + ", prompt of "
                + promptLength + " tokens, " + timings + ", density " + density() + ", on " + backend.name() + "]";
    }
}
