package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.spi.HeadLayout;
import org.jspecify.annotations.Nullable;

/**
 * What attention reads and writes, on the device. Shapes as in {@link dev.sparsed.spi.AttentionBackend}; queries, keys, values and out are of
 * the context's type.
 *
 * @param queries {@code [R, queryHeads × headDim]}, R ≥ 1
 * @param keys {@code [N, keyValueHeads × headDim]}
 * @param values {@code [N, keyValueHeads × headDim]}
 * @param heads how the columns split
 * @param out {@code [R, queryHeads × headDim]}
 * @param logSumExp F32, {@code [R, queryHeads]}, over the keys that are attended to; null if not wanted
 */
public record AttentionOperands(
        DeviceTensor queries,
        DeviceTensor keys,
        DeviceTensor values,
        HeadLayout heads,
        DeviceTensor out,
        @Nullable DeviceTensor logSumExp) {

    /** {@return the address of the log-sum-exp; 0 if it is not wanted} */
    long logSumExpAddress() {
        return DeviceTensor.address(logSumExp);
    }
}
