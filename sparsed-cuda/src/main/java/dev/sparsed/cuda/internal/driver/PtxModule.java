package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import jcuda.driver.CUjit_option;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** Kernels loaded from one file: PTX, which the driver compiles for the device, or a cubin compiled for it already. Thread-safe. */
public final class PtxModule implements AutoCloseable {

    private static final int LOG_BYTES = 16 << 10;

    private final CUmodule handle;
    private final String where;
    private final ConcurrentMap<String, Kernel> kernels = new ConcurrentHashMap<>();
    private volatile boolean closed;

    private PtxModule(CUmodule handle, String where) {
        this.handle = handle;
        this.where = where;
    }

    /**
     * Loads a resource.
     *
     * @param device the device; this thread is bound to it
     * @param owner a class of the package that holds the resource
     * @param resource its name, relative to that class or absolute, such as {@code rms_norm.ptx}
     * @return the module; the caller closes it
     * @throws IllegalArgumentException if there is no such resource, or it is neither PTX nor a cubin
     * @throws BackendUnavailableException if the device or its driver is too old for it
     * @throws CudaException if it does not compile; the message has the compiler's log
     */
    public static PtxModule load(CudaDevice device, Class<?> owner, String resource) {
        try (InputStream in = owner.getResourceAsStream(resource)) {
            if (in == null) {
                throw new IllegalArgumentException("no resource " + resource + " beside " + owner.getName());
            }
            return load(device, resource, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException("reading the kernels " + resource, e);
        }
    }

    /**
     * Loads an image.
     *
     * @param device the device; this thread is bound to it
     * @param where its name, for messages
     * @param image PTX text or a cubin
     * @return the module; the caller closes it
     * @throws IllegalArgumentException if it is neither PTX nor a cubin
     * @throws BackendUnavailableException if the device or its driver is too old for it
     * @throws CudaException if it does not compile; the message has the compiler's log
     */
    public static PtxModule load(CudaDevice device, String where, byte[] image) {
        if (!isElf(image)) {
            PtxHeader.parse(new String(image, StandardCharsets.US_ASCII), where)
                    .requireSupported(where, device.computeCapability(), device.driverVersion());
        }
        CUmodule module = new CUmodule();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(image.length + 1L); // zero-terminated
            MemorySegment.copy(image, 0, text, ValueLayout.JAVA_BYTE, 0, image.length);
            MemorySegment log = arena.allocate(LOG_BYTES);
            MemorySegment values =
                    arena.allocate(2 * Long.BYTES, Long.BYTES); // void*[]: sizes are stored in the pointer itself
            values.setAtIndex(ValueLayout.JAVA_LONG, 0, log.address());
            values.setAtIndex(ValueLayout.JAVA_LONG, 1, LOG_BYTES);
            int[] options = {
                CUjit_option.CU_JIT_ERROR_LOG_BUFFER, CUjit_option.CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES,
            };
            int code = JCudaDriver.cuModuleLoadDataEx(
                    module, Addresses.host(text), options.length, options, Addresses.host(values));
            if (code != 0) {
                throw Status.failure(
                        code, "loading the kernels " + where, log.getString(0).strip());
            }
        }
        return new PtxModule(module, where);
    }

    /** A cubin is an ELF file. */
    static boolean isElf(byte[] image) {
        return image.length > 4 && image[0] == 0x7f && image[1] == 'E' && image[2] == 'L' && image[3] == 'F';
    }

    /**
     * One of its kernels.
     *
     * @param name the kernel's name: it is {@code extern "C"}
     * @return the kernel, the same one each time
     * @throws IllegalArgumentException if there is none of that name
     */
    public Kernel kernel(String name) {
        if (closed) {
            throw new IllegalStateException("the kernels " + where + " are closed");
        }
        return kernels.computeIfAbsent(name, this::find);
    }

    private Kernel find(String name) {
        Addresses.FunctionHandle function = new Addresses.FunctionHandle();
        int code = JCudaDriver.cuModuleGetFunction(function, handle, name);
        if (code == CUresult.CUDA_ERROR_NOT_FOUND) {
            throw new IllegalArgumentException("no kernel " + name + " in " + where);
        }
        Status.check(code, "looking up kernel " + name + " in " + where);
        return new Kernel(this, name, function);
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the kernels " + where + " are closed");
        }
    }

    /** Unloads it; its kernels cannot be launched any more. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            Status.check(JCudaDriver.cuModuleUnload(handle), "unloading the kernels " + where);
        }
    }
}
