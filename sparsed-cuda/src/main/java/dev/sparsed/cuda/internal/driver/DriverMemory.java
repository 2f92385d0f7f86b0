package dev.sparsed.cuda.internal.driver;

import jcuda.driver.CUresult;
import jcuda.driver.JCudaDriver;

/** {@link DeviceMemory}'s source on a real device. */
final class DriverMemory implements DeviceMemory.Source {

    private final CudaDevice device;

    DriverMemory(CudaDevice device) {
        this.device = device;
    }

    @Override
    public long allocate(long bytes) {
        Addresses.DevicePointer pointer = new Addresses.DevicePointer();
        int code = JCudaDriver.cuMemAlloc(pointer, bytes);
        if (code == CUresult.CUDA_ERROR_OUT_OF_MEMORY) {
            return 0;
        }
        Status.check(code, "allocating device memory");
        return pointer.address();
    }

    @Override
    public void free(long address) {
        Status.check(JCudaDriver.cuMemFree(Addresses.device(address)), "freeing device memory");
    }

    @Override
    public long freeBytes() {
        return device.freeBytes();
    }

    @Override
    public long totalBytes() {
        return device.totalBytes();
    }
}
