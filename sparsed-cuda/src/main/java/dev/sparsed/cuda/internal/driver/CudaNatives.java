package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.natives.NativeCache;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
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

    /** The system property that names the folder for libraries, in place of the user's cache. */
    static final String CACHE_PROPERTY = "sparsed.cuda.cache";

    private static final String TEMPORARY_FOLDER = "java.io.tmpdir";

    private static final Map<String, String> OUTCOMES = new HashMap<>();

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
        if (LibUtils.class.getResource("/lib/" + file) == null) {
            throw new BackendUnavailableException("the native library " + file + " is not on the class path: add "
                    + "org.jcuda:jcuda-natives and org.jcuda:jcublas-natives with the classifier of this platform "
                    + "(they exist for linux-x86_64)");
        }
        return cache.extract(LibUtils.class, "/lib/" + file);
    }

    /** A class that failed to initialise stays so: the first failure is every later one's reason. */
    private static synchronized void load(String library, Runnable initialise) {
        String failure = OUTCOMES.computeIfAbsent(library, _ -> initialise(library, initialise));
        if (!failure.isEmpty()) {
            throw new BackendUnavailableException(failure);
        }
    }

    /** {@return why it cannot be loaded; empty if it is} */
    private static String initialise(String library, Runnable initialise) {
        Path folder = extract(library, NativeCache.ofUser(CACHE_PROPERTY)).getParent();
        String before = System.getProperty(TEMPORARY_FOLDER);
        System.setProperty(TEMPORARY_FOLDER, folder.toString());
        try {
            initialise.run();
            return "";
        } catch (LinkageError e) {
            return "JCuda's native library cannot be loaded: " + cause(String.valueOf(e.getMessage()))
                    + "; the NVIDIA driver and, for JCublas2, CUDA 12's libcublas.so.12 have to be installed";
        } finally {
            System.setProperty(TEMPORARY_FOLDER, before);
        }
    }

    /** Of JCuda's message, which holds the stack traces of all its attempts, what the system's loader said of ours, the last. */
    static String cause(String message) {
        return message.lines()
                .filter(line -> line.contains(UnsatisfiedLinkError.class.getName()))
                .reduce((_, last) -> last)
                .or(() -> message.lines().findFirst())
                .orElse("")
                .replace(UnsatisfiedLinkError.class.getName() + ": ", "")
                .strip();
    }
}
