package dev.sparsed.bench.cli;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandleProxies;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/**
 * Replaces what Ctrl-C (SIGINT) does to this JVM. Java has no API for it; the JDK's {@code sun.misc.Signal} (module
 * jdk.unsupported) is looked up by name, so that a JVM without it runs as well, and ends with Ctrl-C.
 */
final class InterruptSignal implements AutoCloseable {

    private final MethodHandle handle;
    private final Object signal;
    private final Object previous;

    private InterruptSignal(MethodHandle handle, Object signal, Object previous) {
        this.handle = handle;
        this.signal = signal;
        this.previous = previous;
    }

    /**
     * Replaces it, where the JVM lets it (not with {@code -Xrs}).
     *
     * @param action what Ctrl-C does from now on, on a thread of the JVM
     * @return gives the old behaviour back when closed
     */
    static AutoCloseable becomes(Runnable action) {
        try {
            Class<?> type = Class.forName("sun.misc.Signal");
            Class<?> handlerType = Class.forName("sun.misc.SignalHandler");
            MethodHandles.Lookup lookup = MethodHandles.publicLookup();
            MethodHandle run = lookup.findVirtual(Runnable.class, "run", MethodType.methodType(void.class))
                    .bindTo(action);
            Object handler =
                    MethodHandleProxies.asInterfaceInstance(handlerType, MethodHandles.dropArguments(run, 0, type));
            MethodHandle handle =
                    lookup.findStatic(type, "handle", MethodType.methodType(handlerType, type, handlerType));
            Object signal = type.getConstructor(String.class).newInstance("INT");
            return new InterruptSignal(handle, signal, handle.invoke(signal, handler));
        } catch (Throwable e) { // whatever is missing: Ctrl-C then ends the JVM, as it does without this class
            return () -> {};
        }
    }

    @Override
    public void close() {
        try {
            Object _ = handle.invoke(signal, previous);
        } catch (Throwable e) {
            throw new IllegalStateException("SIGINT cannot be given back", e);
        }
    }
}
