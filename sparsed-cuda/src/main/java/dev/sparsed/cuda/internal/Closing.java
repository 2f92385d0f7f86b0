package dev.sparsed.cuda.internal;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Closes several things, the last opened first, and all of them whatever happens. */
final class Closing {

    private Closing() {}

    /**
     * Closes from the last to the first.
     *
     * @param opened in the order they were opened
     */
    static void all(List<? extends AutoCloseable> opened) {
        RuntimeException failure = null;
        for (AutoCloseable closeable : opened.reversed()) {
            try {
                closeable.close();
            } catch (Exception e) {
                failure = add(failure, e);
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static RuntimeException add(@Nullable RuntimeException failure, Exception e) {
        if (failure != null) {
            failure.addSuppressed(e);
            return failure;
        }
        return e instanceof RuntimeException runtime ? runtime : new IllegalStateException(e);
    }
}
