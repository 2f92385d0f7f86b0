package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import jcuda.JCudaVersion;
import jcuda.LibUtils;
import jcuda.driver.JCudaDriver;
import jcuda.jcublas.JCublas2;

/**
 * Loads JCuda's native libraries out of a {@link NativeCache}.
 *
 * <p>JCuda looks for a library in {@code java.library.path} and else in {@code java.io.tmpdir}, under a fixed name, where it takes whatever
 * lies there: half a file kills the process, and where the folder is shared anybody could have put one there. It offers no other place, and
 * a library loaded from elsewhere does not keep it from doing so. So the property is set to the cache's folder while JCuda's class is
 * initialised, and restored before this returns; the JDK's own temporary files do not depend on it, which is read once at the start.
 */
final class CudaNatives {

    private static final String TEMPORARY_FOLDER = "java.io.tmpdir";

    private static final Set<String> LOADED = new HashSet<>();

    private CudaNatives() {}

    /**
     * Loads the driver's binding; the first use of {@link JCudaDriver} anywhere.
     *
     * @throws BackendUnavailableException if it cannot be loaded
     */
    static void loadDriver() {
        load(
                "JCudaDriver",
                () -> JCudaDriver.setExceptionsEnabled(false)); // codes are checked in Status, with what was being done
    }

    /**
     * Loads cuBLAS's binding; libcublas.so.12 has to be loaded, or findable by the system's loader.
     *
     * @throws BackendUnavailableException if it cannot be loaded
     */
    static void loadBlas() {
        load("JCublas2", () -> JCublas2.setExceptionsEnabled(false));
    }

    /** The file of a library, extracted. */
    static Path extract(String library, NativeCache cache) {
        String file =
                LibUtils.createLibraryFileName(LibUtils.createPlatformLibraryName(library + "-" + JCudaVersion.get()));
        return cache.extract(LibUtils.class, "/lib/" + file);
    }

    private static synchronized void load(String library, Runnable initialise) {
        if (LOADED.contains(library)) {
            return;
        }
        NativeCache cache = NativeCache.of(
                System.getProperty(NativeCache.PROPERTY), System.getenv(), System.getProperty("user.home"));
        Path folder = extract(library, cache).getParent();
        String before = System.getProperty(TEMPORARY_FOLDER);
        System.setProperty(TEMPORARY_FOLDER, folder.toString());
        try {
            initialise.run();
            LOADED.add(library);
        } catch (LinkageError e) { // UnsatisfiedLinkError at the first try, NoClassDefFoundError at the next
            BackendUnavailableException unavailable = new BackendUnavailableException(
                    "JCuda's native library " + library + " in " + folder + " cannot be loaded: " + firstLine(e)
                            + "; the NVIDIA driver and, for JCublas2, CUDA 12's libcublas.so.12 have to be installed");
            unavailable.initCause(e);
            throw unavailable;
        } finally {
            System.setProperty(TEMPORARY_FOLDER, before);
        }
    }

    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }
}
