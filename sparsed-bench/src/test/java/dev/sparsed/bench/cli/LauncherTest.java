package dev.sparsed.bench.cli;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Starts the launcher as a user does, with a {@code Main} in place of the real one that shows what it was given. */
@Timeout(60)
class LauncherTest {

    private static final int JAVA_11 = 55;
    private static final String PROBE = """
            package dev.sparsed.bench.cli;

            public final class Main {
                public static void main(String[] args) throws Exception {
                    System.out.println("vector " + ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent());
                    System.out.println("native " + Main.class.getModule().isNativeAccessEnabled());
                    System.out.println("heap " + (Runtime.getRuntime().maxMemory() >> 20));
                    System.out.println("property " + System.getProperty("probe"));
                    System.out.println("args " + String.join("|", args));
                    System.out.println("pid " + ProcessHandle.current().pid());
                    switch (args[0]) {
                        case "exit" -> System.exit(Integer.parseInt(args[1]));
                        case "echo" -> System.out.println("echo " + new String(System.in.readAllBytes()));
                        case "sleep" -> Thread.sleep(60_000);
                        default -> throw new IllegalArgumentException(args[0]);
                    }
                }
            }
            """;

    @TempDir
    private static Path probe;

    @BeforeAll
    static void compileProbe() throws IOException {
        Path source = Files.writeString(probe.resolve("Main.java"), PROBE);
        int status =
                ToolProvider.getSystemJavaCompiler().run(null, null, null, "-d", probe.toString(), source.toString());
        assertThat(status).isZero();
    }

    @Test
    void aJvmTooOldForTheRestCanLoadIt() throws IOException {
        try (var in = new DataInputStream(Launcher.class.getResourceAsStream("Launcher.class"))) {
            in.skipNBytes(6);
            assertThat(in.readUnsignedShort()).isLessThanOrEqualTo(JAVA_11);
        }
    }

    @Test
    void addsTheFlagsThatAreMissingAndKeepsTheUsersOwn() throws Exception {
        Process launcher = start(List.of("-Xmx97m", "-Dprobe=a b"), "exit", "0", "two words", "--flag=*");
        List<String> lines = launcher.inputReader().readAllLines();
        assertThat(lines)
                .contains("vector true", "native true", "property a b", "args exit|0|two words|--flag=*")
                .doesNotContain("pid " + launcher.pid())
                .anyMatch(line -> line.matches("heap 9[78]"));
        assertThat(launcher.waitFor()).isZero();
    }

    @Test
    void staysInOneJvmThatHasTheFlags() throws Exception {
        Process launcher = start(List.of("--add-modules=jdk.incubator.vector"), "exit", "3");
        assertThat(launcher.inputReader().readAllLines()).contains("vector true", "pid " + launcher.pid());
        assertThat(launcher.waitFor()).isEqualTo(3);
    }

    @Test
    void passesExitCodeAndStandardInputOn() throws Exception {
        Process failing = start(List.of(), "exit", "42");
        assertThat(failing.waitFor()).isEqualTo(42);

        Process reading = start(List.of(), "echo");
        try (var out = reading.outputWriter()) {
            out.write("from stdin");
        }
        assertThat(reading.inputReader().readAllLines()).contains("echo from stdin");
        assertThat(reading.waitFor()).isZero();
    }

    @Test
    void takesTheChildAlongWhenItIsTerminated() throws Exception {
        Process launcher = start(List.of(), "sleep");
        ProcessHandle child = awaitChild(launcher);
        launcher.destroy();
        assertThat(child.onExit().get(20, SECONDS).isAlive()).isFalse();
        assertThat(launcher.waitFor()).isNotZero();
    }

    @Test
    void takesTheChildAlongWhenItIsKilled() throws Exception {
        Process launcher = start(List.of(), "sleep");
        ProcessHandle child = awaitChild(launcher);
        launcher.destroyForcibly();
        assertThat(child.onExit().get(20, SECONDS).isAlive()).isFalse();
    }

    private static ProcessHandle awaitChild(Process launcher) throws IOException {
        BufferedReader out = launcher.inputReader();
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (line.startsWith("pid ")) {
                ProcessHandle child =
                        ProcessHandle.of(Long.parseLong(line.substring(4))).orElseThrow();
                assertThat(child.pid()).isNotEqualTo(launcher.pid());
                return child;
            }
        }
        throw new AssertionError("the child never ran");
    }

    private static Process start(List<String> jvmArguments, String... args) throws IOException {
        String classes = Path.of("target", "classes").toAbsolutePath().toString();
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmArguments);
        command.addAll(List.of("-cp", probe + File.pathSeparator + classes, Launcher.class.getName()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
        builder.environment().remove("JDK_JAVA_OPTIONS");
        return builder.start();
    }
}
