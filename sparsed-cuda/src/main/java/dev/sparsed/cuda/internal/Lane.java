package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.Blas;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.kernel.AttentionKernels;
import dev.sparsed.cuda.internal.kernel.Elementwise;
import dev.sparsed.cuda.internal.kernel.Greedy;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.PatternLists;
import dev.sparsed.cuda.internal.kernel.RmsNorm;
import dev.sparsed.cuda.internal.kernel.Rope;
import dev.sparsed.cuda.internal.kernel.RowLookup;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A stream with everything that works on it, for one request at a time. Making one takes milliseconds (cuBLAS), so a backend lends them to
 * one request after the other.
 */
final class Lane implements AutoCloseable {

    private final KernelModules modules;
    private final DType dtype;
    private final int capability;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Map<AttentionKey, AttentionKernels> attention = new HashMap<>();

    final CudaStream stream;
    final Blas blas;
    final RowLookup rows;
    final RowLookup floatRows;
    final RmsNorm rmsNorm;
    final Rope rope;
    final Elementwise elementwise;
    final Greedy greedy;
    final PatternLists patternLists;

    /** Null: weights are not quantized. */
    final @Nullable Fp8 fp8;

    private record AttentionKey(AttentionChoice choice, int headDim) {}

    /**
     * Opens a stream; the calling thread is bound to the device.
     *
     * @param modules the device's kernels
     * @param dtype type of the activations
     * @param quantization of linear layers
     */
    Lane(KernelModules modules, DType dtype, Quantization quantization) {
        this.modules = modules;
        this.dtype = dtype;
        this.capability = AttentionChoice.capability(modules.device());
        try {
            stream = opened(new CudaStream(modules.device()));
            blas = opened(Blas.open(stream));
            rows = opened(new RowLookup(modules, stream, dtype));
            floatRows = opened(new RowLookup(modules, stream, DType.F32));
            rmsNorm = opened(new RmsNorm(modules, stream, dtype));
            rope = opened(new Rope(modules, stream, dtype));
            elementwise = opened(new Elementwise(modules, stream, dtype));
            greedy = opened(new Greedy(modules, stream));
            patternLists = opened(new PatternLists(modules, stream));
            fp8 = quantization == Quantization.FP8 ? opened(new Fp8(modules, stream)) : null;
        } catch (Throwable e) {
            Closing.all(opened);
            throw e;
        }
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    /**
     * {@return the kernels for dense attention}
     *
     * @param headDim features of a head
     */
    AttentionKernels denseAttention(int headDim) {
        return attention(AttentionChoice.dense(capability, dtype, headDim), headDim);
    }

    /**
     * {@return the kernels for block-sparse attention}
     *
     * @param headDim features of a head
     * @param layout the canvas and its blocks
     */
    AttentionKernels sparseAttention(int headDim, BlockLayout layout) {
        return attention(
                AttentionChoice.sparse(capability, dtype, headDim, layout.blockSize(), layout.blocks()), headDim);
    }

    /**
     * {@return the kernels for dense attention that selects}
     *
     * @param headDim features of a head
     * @param rule the canvas, its blocks and the budgets
     */
    AttentionKernels selectingAttention(int headDim, SelectionRule rule) {
        return attention(AttentionChoice.selecting(capability, dtype, headDim, rule), headDim);
    }

    private AttentionKernels attention(AttentionChoice choice, int headDim) {
        return attention.computeIfAbsent(
                new AttentionKey(choice, headDim), key -> opened(key.choice.open(modules, stream, dtype, key.headDim)));
    }

    @Override
    public void close() {
        Closing.all(opened);
    }
}
