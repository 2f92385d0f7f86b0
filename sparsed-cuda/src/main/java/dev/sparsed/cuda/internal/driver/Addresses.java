package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUfunction;
import jcuda.driver.CUstream;

/** JCuda's pointer objects from and to plain addresses, which JCuda itself keeps to its subclasses. */
final class Addresses {

    private Addresses() {}

    /** Device memory at an address. */
    static CUdeviceptr device(long address) {
        return new CUdeviceptr().withByteOffset(address); // null plus the address: JCuda's natives add the two
    }

    /** Native host memory. The segment has to outlive the pointer's use. */
    static Pointer host(MemorySegment segment) {
        return new HostPointer(segment.address());
    }

    /** Receives a device allocation. */
    static final class DevicePointer extends CUdeviceptr {
        long address() {
            return getNativePointer();
        }
    }

    /** Receives an allocation of pinned host memory, or stands for native memory. */
    static final class HostPointer extends Pointer {
        HostPointer() {}

        HostPointer(long address) {
            super(address);
        }

        long address() {
            return getNativePointer();
        }
    }

    /** A stream whose handle can be given to a library that JCuda does not bind. */
    static final class StreamHandle extends CUstream {
        long address() {
            return getNativePointer();
        }
    }

    /** A kernel whose handle can be given to a driver function that JCuda does not bind. */
    static final class FunctionHandle extends CUfunction {
        long address() {
            return getNativePointer();
        }
    }
}
