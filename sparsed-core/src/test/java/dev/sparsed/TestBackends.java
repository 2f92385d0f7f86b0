package dev.sparsed;

import java.util.stream.Stream;

/** The backends that replay recordings: {@code -Dsparsed.test.backends=cuda} names others than those every machine has. */
final class TestBackends {

    private static final String NAMES = System.getProperty("sparsed.test.backends", "scalar,vector");

    private TestBackends() {}

    /** {@return the names} */
    static Stream<String> names() {
        return Stream.of(NAMES.split(","));
    }

    /** {@return the names without that of the scalar backend, which takes a quarter of an hour for large models} */
    static Stream<String> fast() {
        return names().filter(name -> !name.equals("scalar"));
    }

    /** {@return whether the scalar backend is among them} */
    static boolean withScalar() {
        return names().anyMatch("scalar"::equals);
    }
}
