package dev.sparsed.cuda.internal.driver;

import jcuda.driver.CUfunction_attribute;
import jcuda.driver.JCudaDriver;

/** A function of a {@link PtxModule} that can be launched. Thread-safe. */
public final class Kernel {

    /** Above this, static and dynamic together, a kernel has to opt in. */
    private static final int SHARED_WITHOUT_OPT_IN = 48 << 10;

    private final PtxModule module;
    private final String name;
    private final Addresses.FunctionHandle handle;
    private final String launching;
    /** How much it may have as it is. */
    private volatile int dynamicShared;

    Kernel(PtxModule module, String name, Addresses.FunctionHandle handle) {
        this.module = module;
        this.name = name;
        this.handle = handle;
        this.launching = "launching kernel " + name;
        this.dynamicShared = SHARED_WITHOUT_OPT_IN - staticSharedBytes();
    }

    /** {@return its name} */
    public String name() {
        return name;
    }

    /** {@return the static shared memory of a block, in bytes} */
    public int staticSharedBytes() {
        return attribute(CUfunction_attribute.CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
    }

    /**
     * Makes room for its arguments, and compares their sizes with the kernel's parameters where the driver can tell (CUDA 12.4 and newer).
     *
     * @return the arguments, none as yet; the caller closes them
     */
    public KernelArguments arguments() {
        module.requireOpen();
        return new KernelArguments(name, CudaDriverLibrary.parameterSizes(handle.address()));
    }

    /**
     * Launches it.
     *
     * @param stream where
     * @param gridX blocks in x, 1 to 2³¹ - 1
     * @param gridY blocks in y, 1 to 65535
     * @param gridZ blocks in z, 1 to 65535
     * @param blockX threads of a block
     * @param sharedBytes dynamic shared memory of a block; above 48 KiB the kernel is opted in
     * @param arguments its arguments, free to be changed on return
     * @throws IllegalStateException if arguments are missing
     * @throws CudaException if CUDA refuses, or reports what an earlier launch did
     */
    public void launch(
            CudaStream stream,
            int gridX,
            int gridY,
            int gridZ,
            int blockX,
            int sharedBytes,
            KernelArguments arguments) {
        module.requireOpen();
        if (sharedBytes > dynamicShared) {
            optIn(sharedBytes);
        }
        Status.check(
                JCudaDriver.cuLaunchKernel(
                        handle,
                        gridX,
                        gridY,
                        gridZ,
                        blockX,
                        1,
                        1,
                        sharedBytes,
                        stream.handle(),
                        arguments.table(),
                        null),
                launching);
    }

    private synchronized void optIn(int sharedBytes) {
        if (sharedBytes > dynamicShared) {
            Status.check(
                    JCudaDriver.cuFuncSetAttribute(
                            handle, CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, sharedBytes),
                    "giving kernel " + name + " " + sharedBytes + " bytes of shared memory");
            dynamicShared = sharedBytes;
        }
    }

    private int attribute(int attribute) {
        module.requireOpen();
        int[] value = new int[1];
        Status.check(
                JCudaDriver.cuFuncGetAttribute(value, attribute, handle), "reading an attribute of kernel " + name);
        return value[0];
    }
}
