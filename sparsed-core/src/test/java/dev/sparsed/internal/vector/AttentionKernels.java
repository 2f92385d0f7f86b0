package dev.sparsed.internal.vector;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.scalar.ScalarKernels;
import org.jspecify.annotations.Nullable;

/** Attention of the backends under test, on two threads. */
enum AttentionKernels {
    SCALAR {
        private final ScalarKernels kernels = new ScalarKernels(Threads.POOL);

        @Override
        void dense(AttentionInputs in, Matrix out, @Nullable Matrix logSumExp) {
            kernels.attention().dense(in.q(), in.k(), in.v(), in.heads(), out, logSumExp);
        }

        @Override
        void blockSparse(AttentionInputs in, BlockPattern pattern, Matrix out, @Nullable Matrix logSumExp) {
            kernels.attention().blockSparse(in.q(), in.rows(), in.k(), in.v(), in.heads(), pattern, out, logSumExp);
        }

        @Override
        BlockPattern denseAndSelect(AttentionInputs in, Matrix out, Matrix logSumExp, SelectionRule rule) {
            return kernels.attention().denseAndSelect(in.q(), in.k(), in.v(), in.heads(), out, logSumExp, rule);
        }
    },
    VECTOR {
        private final VectorAttention attention = new VectorAttention(Threads.POOL); // its scratch is used again

        @Override
        void dense(AttentionInputs in, Matrix out, @Nullable Matrix logSumExp) {
            attention.dense(in.q(), in.k(), in.v(), in.heads(), out, logSumExp);
        }

        @Override
        void blockSparse(AttentionInputs in, BlockPattern pattern, Matrix out, @Nullable Matrix logSumExp) {
            attention.blockSparse(in.q(), in.rows(), in.k(), in.v(), in.heads(), pattern, out, logSumExp);
        }

        @Override
        BlockPattern denseAndSelect(AttentionInputs in, Matrix out, Matrix logSumExp, SelectionRule rule) {
            return attention.denseAndSelect(in.q(), in.k(), in.v(), in.heads(), out, logSumExp, rule);
        }
    };

    private static final class Threads {
        private static final WorkerPool POOL = new WorkerPool(2); // its threads are daemons
    }

    abstract void dense(AttentionInputs in, Matrix out, @Nullable Matrix logSumExp);

    abstract void blockSparse(AttentionInputs in, BlockPattern pattern, Matrix out, @Nullable Matrix logSumExp);

    abstract BlockPattern denseAndSelect(AttentionInputs in, Matrix out, Matrix logSumExp, SelectionRule rule);
}
