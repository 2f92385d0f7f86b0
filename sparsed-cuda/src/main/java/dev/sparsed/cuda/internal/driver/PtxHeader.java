package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a PTX text says of itself: {@code .version} and {@code .target}.
 *
 * @param version the PTX version, 10 × major + minor
 * @param target the compute capability it is for, 10 × major + minor
 * @param family {@code 0}: this and every later compute capability; {@code 'f'}: this and later ones of the same major; {@code 'a'}: exactly
 *     this one
 */
record PtxHeader(int version, int target, char family) {

    private static final Pattern VERSION = Pattern.compile("(?m)^\\s*\\.version\\s+(\\d{1,3})\\.(\\d)\\b");
    private static final Pattern TARGET = Pattern.compile("(?m)^\\s*\\.target\\s+sm_(\\d{2,4})([af]?)\\b");

    /**
     * Reads the header.
     *
     * @param ptx the text
     * @param where its name, for the message
     * @throws IllegalArgumentException if the text has none
     */
    static PtxHeader parse(String ptx, String where) {
        Matcher version = VERSION.matcher(ptx);
        Matcher target = TARGET.matcher(ptx);
        if (!version.find() || !target.find()) {
            throw new IllegalArgumentException(where + " is not PTX: it has no .version or no .target sm_XX directive");
        }
        return new PtxHeader(
                10 * Integer.parseInt(version.group(1)) + Integer.parseInt(version.group(2)),
                Integer.parseInt(target.group(1)),
                target.group(2).isEmpty() ? 0 : target.group(2).charAt(0));
    }

    /**
     * Checks that a device and its driver can take it.
     *
     * @param where the text's name, for the message
     * @param computeCapability the device's, 10 × major + minor
     * @param driverVersion the driver's CUDA version, 1000 × major + 10 × minor
     * @throws BackendUnavailableException if they cannot
     */
    void requireSupported(String where, int computeCapability, int driverVersion) {
        if (PtxIsa.isTooNewFor(driverVersion, version)) {
            throw new BackendUnavailableException(where + " is PTX ISA " + version / 10 + "." + version % 10
                    + ", which the NVIDIA driver (CUDA " + PtxIsa.cudaVersion(driverVersion)
                    + ") does not know: update the driver to one of " + PtxIsa.firstDriver(version) + " or newer");
        }
        if (!runsOn(computeCapability)) {
            throw new BackendUnavailableException(where + " is for " + targetInWords() + ", and the GPU is sm_"
                    + computeCapability + ": another GPU or another kernel is needed");
        }
    }

    /** {@return whether a device of a compute capability can run it} */
    boolean runsOn(int computeCapability) {
        return switch (family) {
            case 'a' -> computeCapability == target;
            case 'f' -> computeCapability / 10 == target / 10 && computeCapability >= target;
            default -> computeCapability >= target;
        };
    }

    private String targetInWords() {
        return switch (family) {
            case 'a' -> "sm_" + target + " only (sm_" + target + "a)";
            case 'f' -> "sm_" + target + " and its family (sm_" + target + "f)";
            default -> "sm_" + target + " and newer";
        };
    }
}
