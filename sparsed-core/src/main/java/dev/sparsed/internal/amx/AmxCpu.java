package dev.sparsed.internal.amx;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** Whether this processor has AMX and the operating system lets this process use it. */
@SuppressWarnings("restricted") // one system call
final class AmxCpu {

    /** What {@code src/main/c/build.sh} lets the compiler use, as /proc/cpuinfo names it ({@code abm} is lzcnt). */
    private static final List<String> FLAGS = List.of(
            "amx_tile",
            "amx_bf16",
            "amx_int8",
            "avx512f",
            "avx512bw",
            "avx512dq",
            "avx512vl",
            "avx512_bf16",
            "avx2",
            "fma",
            "f16c",
            "bmi1",
            "bmi2",
            "abm",
            "popcnt");

    private static final long SYS_ARCH_PRCTL = 158;
    private static final long ARCH_REQ_XCOMP_PERM = 0x1023;
    private static final long XFEATURE_XTILEDATA = 18;

    private AmxCpu() {}

    /** {@return why not, and what to do; empty if AMX can be used, for which this process has then asked} */
    static Optional<String> unavailableBecause() {
        String os = System.getProperty("os.name", "");
        String arch = System.getProperty("os.arch", "");
        if (!os.equals("Linux") || !arch.equals("amd64")) {
            return Optional.of("the AMX kernels are compiled for Linux on x86-64, this is " + os + " on " + arch);
        }
        Optional<String> missing = missingFlags(cpuInfo());
        return missing.isPresent() ? missing : refused();
    }

    private static List<String> cpuInfo() {
        try (var lines = Files.lines(Path.of("/proc/cpuinfo"))) {
            return lines.filter(line -> line.startsWith("flags")).limit(1).toList();
        } catch (IOException | RuntimeException e) { // no /proc: as if it had no flags
            return List.of();
        }
    }

    /**
     * {@return which flags are missing}
     *
     * @param cpuInfo the line of /proc/cpuinfo that begins with "flags", if there is one
     */
    static Optional<String> missingFlags(List<String> cpuInfo) {
        Set<String> flags = cpuInfo.isEmpty()
                ? Set.of()
                : Set.of(cpuInfo.getFirst()
                        .substring(cpuInfo.getFirst().indexOf(':') + 1)
                        .strip()
                        .split("\\s+"));
        List<String> missing = new ArrayList<>(FLAGS);
        missing.removeAll(flags);
        return missing.isEmpty()
                ? Optional.empty()
                : Optional.of("this processor, or the virtual machine, lacks " + String.join(", ", missing)
                        + " (/proc/cpuinfo); AMX needs a Xeon of 2023 or later");
    }

    /** Asks the kernel for the tiles' state: once per process, for all its threads; again does no harm. */
    private static Optional<String> refused() {
        try {
            Linker linker = Linker.nativeLinker();
            MethodHandle syscall = linker.downcallHandle(
                    linker.defaultLookup().find("syscall").orElseThrow(),
                    FunctionDescriptor.of(
                            ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
                    Linker.Option.firstVariadicArg(1));
            long result = (long) syscall.invokeExact(SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
            return result == 0
                    ? Optional.empty()
                    : Optional.of("the operating system refuses the AMX tiles (arch_prctl(ARCH_REQ_XCOMP_PERM)"
                            + " failed); it takes Linux 5.16 or newer and a sandbox that lets the call pass");
        } catch (IllegalCallerException e) {
            return Optional.of(
                    "native access is denied to this module (" + e.getMessage()
                            + "); start java with --enable-native-access=ALL-UNNAMED, or dev.sparsed.core where that is a module");
        } catch (Throwable e) {
            return Optional.of(String.format(Locale.ROOT, "asking for the AMX tiles failed: %s", e));
        }
    }
}
