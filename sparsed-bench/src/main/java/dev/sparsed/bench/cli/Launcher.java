package dev.sparsed.bench.cli;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Where the jar begins: sees to it that {@link Main} runs on a JDK that is new enough and with the flags the library
 * needs, which a jar cannot give itself. It starts a second JVM if they are missing. Compiled for Java 11, so that an
 * older JVM can say what it lacks.
 */
public final class Launcher {

    private static final int OLDEST_JDK = 25;
    private static final String VECTOR_API = "jdk.incubator.vector";

    /** Set in the second JVM: the process id of the first. */
    private static final String PARENT = "sparsed.launcher.parent";

    private Launcher() {}

    /**
     * Runs {@link Main}, here or in a second JVM, and exits with its exit code; with 1 on a Java that is too old.
     *
     * @param args the command line
     * @throws Exception if the second JVM cannot be started, or what {@link Main} throws
     */
    public static void main(String[] args) throws Exception {
        int feature = Runtime.version().feature();
        if (feature < OLDEST_JDK) {
            System.err.println("sparsed needs a JDK " + OLDEST_JDK + " or newer, this is Java " + feature + " in "
                    + System.getProperty("java.home")
                    + ": install one, such as https://adoptium.net/temurin/releases?version="
                    + OLDEST_JDK + ", and start the jar with its bin/java");
            System.exit(1);
        }
        boolean hasVectorApi = ModuleLayer.boot().findModule(VECTOR_API).isPresent();
        boolean couldHaveIt = ModuleFinder.ofSystem().find(VECTOR_API).isPresent();
        if (!hasVectorApi && couldHaveIt) {
            System.exit(runInSecondJvm(args));
        }
        endWithParent();
        Main.main(args);
    }

    private static int runInSecondJvm(String[] args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("--add-modules=" + VECTOR_API);
        command.add("--enable-native-access=ALL-UNNAMED");
        command.add("-D" + PARENT + "=" + ProcessHandle.current().pid());
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(Launcher.class.getName());
        command.addAll(List.of(args));

        ProcessBuilder builder = new ProcessBuilder(command).inheritIO();
        // What these hold is among the input arguments already.
        builder.environment().keySet().removeAll(List.of("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"));
        Process child = builder.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> end(child)));
        if (args.length > 0 && args[0].equals("chat")) {
            InterruptSignal.becomes(() -> {}); // a terminal interrupts both JVMs, and the child knows what to do
        }
        return child.waitFor();
    }

    /** Waits for the child's own shutdown hooks: they give the terminal back as it was. */
    private static void end(Process child) {
        child.destroy();
        try {
            if (!child.waitFor(5, TimeUnit.SECONDS)) {
                child.destroyForcibly();
            }
        } catch (InterruptedException e) {
            child.destroyForcibly();
        }
    }

    /** A parent that is killed outright runs no shutdown hook; the child must not compute on without it. */
    private static void endWithParent() {
        Long parent = Long.getLong(PARENT);
        if (parent != null) {
            ProcessHandle.of(parent)
                    .ifPresentOrElse(handle -> handle.onExit().thenRun(() -> System.exit(1)), () -> System.exit(1));
        }
    }
}
