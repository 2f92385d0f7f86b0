package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.Kernel;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import dev.sparsed.spi.DType;
import java.util.Locale;

/** A kernel with the arguments of its launches on one stream; for one thread at a time. */
final class Launch implements AutoCloseable {

    private final Kernel kernel;
    private final CudaStream stream;
    private final KernelArguments arguments;

    Launch(KernelModules modules, String file, String name, CudaStream stream) {
        this.kernel = modules.kernel(file, name);
        this.stream = stream;
        this.arguments = kernel.arguments();
    }

    /** {@return how a type is written at the end of a kernel's name} */
    static String suffix(DType dtype) {
        return dtype.name().toLowerCase(Locale.ROOT);
    }

    /** {@return none as yet of the arguments, all to be added in the kernel's order before {@link #run}} */
    KernelArguments arguments() {
        return arguments.begin();
    }

    void run(int gridX, int gridY, int gridZ, int threads, int sharedBytes) {
        kernel.launch(stream, gridX, gridY, gridZ, threads, sharedBytes, arguments);
    }

    @Override
    public void close() {
        arguments.close();
    }
}
