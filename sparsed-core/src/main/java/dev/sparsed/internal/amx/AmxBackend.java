package dev.sparsed.internal.amx;

import dev.sparsed.BackendInfo;
import dev.sparsed.internal.cpu.CpuBackend;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;

/** A CPU backend that owns packed weights beside those of the checkpoint. */
final class AmxBackend implements Backend {

    private final CpuBackend cpu;
    private final PackedWeights packed;
    private final Quantization quantization;

    AmxBackend(BackendInfo info, Quantization quantization, KernelLibrary library) {
        this.quantization = quantization;
        ProductKernels products = new ProductKernels(library);
        AttentionKernels attention = new AttentionKernels(library);
        packed = new PackedWeights(products);
        cpu = new CpuBackend(info, pool -> new AmxKernels(products, attention, packed, pool));
    }

    @Override
    public BackendInfo info() {
        return cpu.info();
    }

    @Override
    public Tensor upload(HostTensor tensor) {
        return cpu.upload(tensor);
    }

    @Override
    public Tensor uploadLinear(HostTensor tensor) {
        Tensor uploaded = cpu.upload(tensor);
        if (quantization == Quantization.INT8 && uploaded instanceof Weights weights) {
            packed.quantize(weights);
        }
        return uploaded;
    }

    @Override
    public Tensor constant(float[] values, int rows, int columns) {
        return cpu.constant(values, rows, columns);
    }

    @Override
    public ExecutionContext newContext() {
        return cpu.newContext();
    }

    @Override
    public void close() {
        cpu.close();
        packed.close();
    }
}
