package dev.sparsed.text;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** System properties that the text libraries read once, while they are loaded. */
final class TemporaryProperties {

    private TemporaryProperties() {}

    /**
     * Loads a library. During the call, unless the application has set the environment variable or the system property
     * of the same name:
     *
     * <ul>
     * <li>{@code RUST_FLAVOR} is {@code cpu}: DJL takes its native library out of its own jar and never downloads one;
     * <li>{@code slf4j.internal.verbosity} is {@code ERROR}: slf4j, which both libraries log through, does not write to
     * the standard error stream that it has found no provider.
     * </ul>
     *
     * <p>Both are removed again before this returns.
     *
     * @param <T> the result's type
     * @param load what to do
     * @return its result
     */
    static synchronized <T> T during(Supplier<T> load) {
        List<String> set = new ArrayList<>();
        set("RUST_FLAVOR", "cpu", set);
        set("slf4j.internal.verbosity", "ERROR", set);
        try {
            return load.get();
        } finally {
            set.forEach(System::clearProperty);
        }
    }

    private static void set(String name, String value, List<String> set) {
        if (System.getenv(name) == null && System.getProperty(name) == null) {
            System.setProperty(name, value);
            set.add(name);
        }
    }
}
