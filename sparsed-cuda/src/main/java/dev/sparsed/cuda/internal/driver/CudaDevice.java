package dev.sparsed.cuda.internal.driver;

import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
import static jcuda.driver.CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;

import dev.sparsed.BackendUnavailableException;
import java.nio.charset.StandardCharsets;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.JCudaDriver;

/**
 * A GPU and its primary context, which other users of the process share. Thread-safe. {@link #close()} frees what {@link #memory()} still
 * holds; streams, modules and events have to be closed before.
 */
public final class CudaDevice implements AutoCloseable {

    private final int ordinal;
    private final CUdevice device;
    private final CUcontext context;
    private final String name;
    private final int driverVersion;
    private final DeviceMemory memory;
    private boolean closed;

    private CudaDevice(int ordinal, CUdevice device, CUcontext context) {
        this.ordinal = ordinal;
        this.device = device;
        this.context = context;
        byte[] text = new byte[256];
        Status.check(JCudaDriver.cuDeviceGetName(text, text.length, device), "reading the device's name");
        int length = 0;
        while (length < text.length && text[length] != 0) {
            length++;
        }
        this.name = new String(text, 0, length, StandardCharsets.UTF_8);
        int[] version = new int[1];
        Status.check(JCudaDriver.cuDriverGetVersion(version), "reading the driver's version");
        this.driverVersion = version[0];
        this.memory = new DeviceMemory(new DriverMemory(this));
    }

    /**
     * Opens a device, and makes it the calling thread's current one.
     *
     * @param ordinal the device's number, from 0
     * @return the device; the caller closes it
     * @throws BackendUnavailableException if there is no usable one; see {@link CudaAvailability}
     * @throws CudaException if CUDA refuses
     */
    public static CudaDevice open(int ordinal) {
        CudaAvailability.unavailableBecause().ifPresent(reason -> {
            throw new BackendUnavailableException(reason);
        });
        CudaNatives.loadDriver();
        Status.check(JCudaDriver.cuInit(0), "initialising the CUDA driver");
        CUdevice device = new CUdevice();
        Status.check(JCudaDriver.cuDeviceGet(device, ordinal), "opening CUDA device " + ordinal);
        CUcontext context = new CUcontext();
        Status.check(
                JCudaDriver.cuDevicePrimaryCtxRetain(context, device), "opening the context of CUDA device " + ordinal);
        try {
            Status.check(JCudaDriver.cuCtxSetCurrent(context), "binding CUDA device " + ordinal);
            return new CudaDevice(ordinal, device, context);
        } catch (RuntimeException e) {
            JCudaDriver.cuDevicePrimaryCtxRelease(device);
            throw e;
        }
    }

    /**
     * Makes the device the calling thread's current one: every thread, before it uses anything else of this package. About a microsecond.
     *
     * @throws IllegalStateException if the device is closed
     */
    public void bind() {
        requireOpen();
        Status.check(JCudaDriver.cuCtxSetCurrent(context), "binding the CUDA device to a thread");
    }

    /** {@return the device's number, from 0} */
    public int ordinal() {
        return ordinal;
    }

    /** {@return the device's name, such as {@code NVIDIA H200}} */
    public String name() {
        return name;
    }

    /** {@return the compute capability, 10 × major + minor: 80 for an A100, 90 for an H200} */
    public int computeCapability() {
        return 10 * attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)
                + attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    }

    /** {@return the number of streaming multiprocessors} */
    public int multiprocessors() {
        return attribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    }

    /** {@return how much shared memory a block may have at most if its kernel opts in, in bytes} */
    public int sharedMemoryPerBlock() {
        return attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    }

    /** {@return the driver's CUDA version, 1000 × major + 10 × minor: 13000 for CUDA 13.0} */
    public int driverVersion() {
        return driverVersion;
    }

    /** {@return the bytes free on the device now, whoever holds the rest; this thread has to be bound} */
    public long freeBytes() {
        return memoryInfo()[0];
    }

    /** {@return the bytes the device has; this thread has to be bound} */
    public long totalBytes() {
        return memoryInfo()[1];
    }

    /** {@return the device's memory} */
    public DeviceMemory memory() {
        return memory;
    }

    /** Waits until everything that was launched on the device is done; reports what failed since. */
    public void synchronize() {
        requireOpen();
        Status.check(JCudaDriver.cuCtxSynchronize(), "waiting for the CUDA device");
    }

    /** Frees the memory and releases the context. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        Status.check(JCudaDriver.cuCtxSetCurrent(context), "binding the CUDA device to close it");
        try {
            memory.close();
        } finally {
            closed = true;
            Status.check(JCudaDriver.cuDevicePrimaryCtxRelease(device), "releasing the context of the CUDA device");
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the CUDA device " + name + " is closed");
        }
    }

    private long[] memoryInfo() {
        requireOpen();
        long[] free = new long[1];
        long[] total = new long[1];
        Status.check(JCudaDriver.cuMemGetInfo(free, total), "reading how much device memory is free");
        return new long[] {free[0], total[0]};
    }

    private int attribute(int attribute) {
        int[] value = new int[1];
        Status.check(JCudaDriver.cuDeviceGetAttribute(value, attribute, device), "reading a device attribute");
        return value[0];
    }
}
