package dev.sparsed.cuda.internal.driver;

import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * Which version of the PTX instruction set a driver can compile: the release history of NVIDIA's "Parallel Thread Execution ISA" document.
 * CUDA versions are 1000 × major + 10 × minor, as drivers report them; PTX versions 10 × major + minor.
 */
final class PtxIsa {

    private static final NavigableMap<Integer, Integer> NEWEST = new TreeMap<>();

    static {
        int[][] history = {
            {11000, 70}, {11010, 71}, {11020, 72}, {11030, 73}, {11040, 74}, {11050, 75}, {11060, 76}, {11070, 77},
            {11080, 78}, {12000, 80}, {12010, 81}, {12020, 82}, {12030, 83}, {12040, 84}, {12050, 85}, {12060, 85},
            {12070, 86}, {12080, 87}, {12090, 88}, {13000, 90},
        };
        for (int[] release : history) {
            NEWEST.put(release[0], release[1]);
        }
    }

    private PtxIsa() {}

    /**
     * Whether a driver is known not to compile a PTX version. Of a driver newer than the table nobody here can say, so it may try.
     *
     * @param driverVersion the driver's CUDA version
     * @param ptxVersion the PTX version
     */
    static boolean isTooNewFor(int driverVersion, int ptxVersion) {
        if (driverVersion > NEWEST.lastKey()) {
            return false;
        }
        var newest = NEWEST.floorEntry(driverVersion);
        return newest == null || ptxVersion > newest.getValue();
    }

    /** {@return the first CUDA version whose driver compiles a PTX version; the newest known plus a word if none does} */
    static String firstDriver(int ptxVersion) {
        return NEWEST.entrySet().stream()
                .filter(release -> release.getValue() >= ptxVersion)
                .findFirst()
                .map(release -> "CUDA " + cudaVersion(release.getKey()))
                .orElseGet(() -> "something newer than CUDA " + cudaVersion(NEWEST.lastKey()));
    }

    static String cudaVersion(int version) {
        return version / 1000 + "." + version % 1000 / 10;
    }
}
