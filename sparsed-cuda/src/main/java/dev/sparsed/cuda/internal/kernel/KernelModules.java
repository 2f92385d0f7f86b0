package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.Kernel;
import dev.sparsed.cuda.internal.driver.PtxModule;
import java.util.HashMap;
import java.util.Map;

/** The kernels of a device, each file loaded when the first of its kernels is asked for. Thread-safe. */
public final class KernelModules implements AutoCloseable {

    private final CudaDevice device;
    private final Map<String, PtxModule> modules = new HashMap<>();

    /**
     * Nothing is loaded yet.
     *
     * @param device where to
     */
    public KernelModules(CudaDevice device) {
        this.device = device;
    }

    /** {@return the device} */
    public CudaDevice device() {
        return device;
    }

    /**
     * A kernel; the calling thread is bound to the device.
     *
     * @param file the file's name without its ending: {@code rms_norm}
     * @param name the kernel's name
     * @return the kernel
     */
    synchronized Kernel kernel(String file, String name) {
        return modules.computeIfAbsent(file, key -> PtxModule.load(device, KernelModules.class, resource(key)))
                .kernel(name);
    }

    /** Hopper's own instructions are in no PTX for all GPUs: these are compiled for it, and load without the driver's compiler. */
    private static String resource(String file) {
        return file + (file.startsWith("hopper_") ? ".cubin" : ".ptx");
    }

    @Override
    public synchronized void close() {
        modules.values().forEach(PtxModule::close);
        modules.clear();
    }
}
