package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where cuBLAS is. Each library is looked for once and, if found, stays loaded. */
enum BlasLibrary {
    /** The one JCublas 12 is linked to. */
    CUDA_12(12),
    /** The one that comes with CUDA 13, called through {@code java.lang.foreign}. */
    CUDA_13(13);

    /** The system property that names folders to look in first. */
    static final String PROPERTY = "sparsed.cuda.libraries";

    static final String NONE = "no cuBLAS: neither libcublas.so.12 nor libcublas.so.13 was found in -D" + PROPERTY
            + ", by the system's loader or in /usr/local/cuda; install CUDA's libraries (such as the package libcublas-12-6, or "
            + "pip install nvidia-cublas-cu12) and name the folder that holds them with -D" + PROPERTY + "=/path";

    private static final List<String> USUAL_FOLDERS =
            List.of("/usr/local/cuda/lib64", "/usr/local/cuda/targets/x86_64-linux/lib");

    private final int major;
    /** Null before the first try. */
    private @Nullable Optional<NativeLibrary> loaded;

    private @Nullable Optional<NativeLibrary> loadedLt;

    BlasLibrary(int major) {
        this.major = major;
    }

    /** {@return the library to use, the first that works} */
    static Optional<BlasLibrary> available() {
        for (BlasLibrary library : values()) {
            if (library.usable()) {
                return Optional.of(library);
            }
        }
        return Optional.empty();
    }

    /** {@return whether it is there, and JCublas loads if it needs that} */
    boolean usable() {
        if (load().isEmpty()) {
            return false;
        }
        if (this == CUDA_12) {
            try {
                CudaNatives.loadBlas();
            } catch (BackendUnavailableException e) {
                return false;
            }
        }
        return true;
    }

    /** {@return the file's name} */
    String file() {
        return "libcublas.so." + major;
    }

    private String ltFile() {
        return "libcublasLt.so." + major;
    }

    /** {@return the library, loaded; empty if it is nowhere} */
    synchronized Optional<NativeLibrary> load() {
        Optional<NativeLibrary> found = loaded;
        if (found == null) {
            found = search(System.getProperty(PROPERTY, ""), System.getenv().getOrDefault("LD_LIBRARY_PATH", ""));
            loaded = found;
        }
        return found;
    }

    /** {@return cuBLASLt of the same version, loaded; empty if it is nowhere} */
    synchronized Optional<NativeLibrary> loadLt() {
        Optional<NativeLibrary> found = loadedLt;
        if (found == null) {
            found =
                    places(System.getProperty(PROPERTY, ""), System.getenv().getOrDefault("LD_LIBRARY_PATH", ""))
                            .stream()
                            .flatMap(place -> at(place, ltFile()).stream())
                            .findFirst();
            loadedLt = found;
        }
        return found;
    }

    private Optional<NativeLibrary> search(String property, String libraryPath) {
        for (String place : places(property, libraryPath)) {
            if (!place.isEmpty()) {
                // It needs cublasLt from the same folder, which the system's loader may not know; once loaded it is
                // found by its name.
                at(place, ltFile());
            }
            Optional<NativeLibrary> library = at(place, file());
            if (library.isPresent()) {
                return library;
            }
        }
        return Optional.empty();
    }

    /** {@return a file of one of the {@link #places}, loaded} */
    private static Optional<NativeLibrary> at(String place, String file) {
        return place.isEmpty() ? NativeLibrary.named(file) : NativeLibrary.at(Path.of(place, file));
    }

    /**
     * Where to look, in this order: the folders named by the property, the system's loader (an empty string here), the folders of
     * LD_LIBRARY_PATH as it is now, CUDA's usual ones.
     */
    static List<String> places(String property, String libraryPath) {
        List<String> places = new ArrayList<>(folders(property));
        places.add("");
        places.addAll(folders(libraryPath));
        places.addAll(USUAL_FOLDERS);
        return List.copyOf(places);
    }

    private static List<String> folders(String list) {
        return List.of(list.split(File.pathSeparator)).stream()
                .map(String::strip)
                .filter(folder -> !folder.isEmpty())
                .distinct()
                .toList();
    }
}
