package dev.sparsed.cuda.internal.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code libcuda.so.1} through {@code java.lang.foreign}: what has to be asked before JCuda can be loaded, and what JCuda lacks. */
final class CudaDriverLibrary {

    static final String NAME = "libcuda.so.1";

    private static final int COMPUTE_CAPABILITY_MAJOR = 75;
    private static final int COMPUTE_CAPABILITY_MINOR = 76;

    private CudaDriverLibrary() {}

    /** The driver, if there is one. */
    static Optional<NativeLibrary> load() {
        return NativeLibrary.named(NAME);
    }

    /** Asks the driver what it has; never throws for what a machine may lack. */
    static CudaAvailability.Facts facts(NativeLibrary driver) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(8);
            int version = 0;
            if ((int) driver.function("cuDriverGetVersion", ADDRESS).invokeExact(out) == 0) {
                version = out.get(JAVA_INT, 0);
            }
            int init = (int) driver.function("cuInit", JAVA_INT).invokeExact(0);
            if (init != 0) {
                return new CudaAvailability.Facts(version, init, 0, 0);
            }
            int devices = 0;
            if ((int) driver.function("cuDeviceGetCount", ADDRESS).invokeExact(out) == 0) {
                devices = out.get(JAVA_INT, 0);
            }
            int capability = devices == 0
                    ? 0
                    : 10 * attribute(driver, out, COMPUTE_CAPABILITY_MAJOR)
                            + attribute(driver, out, COMPUTE_CAPABILITY_MINOR);
            return new CudaAvailability.Facts(version, init, devices, capability);
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
    }

    /**
     * The sizes of a kernel's parameters in bytes.
     *
     * @param function the CUfunction
     * @return empty if the driver is older than CUDA 12.4
     */
    static List<Long> parameterSizes(long function) {
        Optional<MethodHandle> info = Holder.PARAMETER_INFO;
        if (info.isEmpty()) {
            return List.of();
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment offset = arena.allocate(JAVA_LONG);
            MemorySegment size = arena.allocate(JAVA_LONG);
            List<Long> sizes = new ArrayList<>();
            MemorySegment handle = MemorySegment.ofAddress(function);
            // An index behind the last parameter is an invalid value.
            while ((int) info.get().invokeExact(handle, (long) sizes.size(), offset, size) == 0) {
                sizes.add(size.get(JAVA_LONG, 0));
            }
            return sizes;
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
    }

    private static final class Holder {
        static final Optional<MethodHandle> PARAMETER_INFO =
                load().flatMap(driver -> driver.find("cuFuncGetParamInfo", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS));
    }

    /** An attribute of device 0; a CUdevice is its ordinal. */
    private static int attribute(NativeLibrary driver, MemorySegment out, int attribute) throws Throwable {
        int code = (int) driver.function("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT)
                .invokeExact(out, attribute, 0);
        return code == 0 ? out.get(JAVA_INT, 0) : 0;
    }
}
