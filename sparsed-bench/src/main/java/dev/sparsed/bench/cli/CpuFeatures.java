package dev.sparsed.bench.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the processor can do that matters here.
 *
 * @param name the processor's name, or only its architecture
 * @param features instruction sets by their Linux names, those that matter here; empty if unknown
 */
record CpuFeatures(String name, List<String> features) {

    /** x86 first, then Arm. */
    private static final List<String> RELEVANT = List.of(
            "avx",
            "avx2",
            "fma",
            "f16c",
            "avx_vnni",
            "avx512f",
            "avx512bw",
            "avx512vl",
            "avx512_vnni",
            "avx512_bf16",
            "avx512_fp16",
            "amx_tile",
            "amx_bf16",
            "amx_int8",
            "asimd",
            "asimdhp",
            "asimddp",
            "sve",
            "sve2",
            "bf16",
            "i8mm");

    /** {@return this machine's processor, as far as the system tells} */
    static CpuFeatures detect() {
        try {
            return parse(Files.readAllLines(Path.of("/proc/cpuinfo")));
        } catch (IOException e) {
            return parse(List.of()); // not Linux
        }
    }

    /**
     * Reads Linux's description of the processors.
     *
     * @param cpuinfo lines of /proc/cpuinfo
     * @return the first processor's features, ordered
     */
    static CpuFeatures parse(List<String> cpuinfo) {
        Set<String> flags = new HashSet<>(List.of(value(cpuinfo, "flags")
                .or(() -> value(cpuinfo, "Features"))
                .orElse("")
                .split("\\s+")));
        return new CpuFeatures(
                value(cpuinfo, "model name").orElse(System.getProperty("os.arch")),
                RELEVANT.stream().filter(flags::contains).toList());
    }

    private static Optional<String> value(List<String> cpuinfo, String key) {
        return cpuinfo.stream()
                .filter(line -> line.matches(key + "\\s*:.*"))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst();
    }
}
