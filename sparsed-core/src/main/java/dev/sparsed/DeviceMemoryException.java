package dev.sparsed;

/**
 * A device has not enough free memory for what was asked of it. What the failed call had allocated is free again, and
 * the model stays usable: a smaller request may succeed.
 */
public final class DeviceMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What was asked for. */
    private final long requestedBytes;

    /** What is free. */
    private final long freeBytes;

    /** What there is. */
    private final long totalBytes;

    /**
     * Creates it.
     *
     * @param purpose what the memory was for, such as {@code "logits of 4096 rows"}
     * @param requestedBytes how much was asked for
     * @param freeBytes how much was free on the device at that moment, whoever holds the rest
     * @param totalBytes how much the device has
     */
    public DeviceMemoryException(String purpose, long requestedBytes, long freeBytes, long totalBytes) {
        super("not enough device memory for " + purpose + ": asked for " + inWords(requestedBytes) + ", free "
                + inWords(freeBytes) + " of " + inWords(totalBytes)
                + "; use a shorter canvas, bf16 weights, fewer requests at a time, or close what else uses the device");
        this.requestedBytes = requestedBytes;
        this.freeBytes = freeBytes;
        this.totalBytes = totalBytes;
    }

    /** {@return how many bytes were asked for} */
    public long requestedBytes() {
        return requestedBytes;
    }

    /** {@return how many bytes were free on the device} */
    public long freeBytes() {
        return freeBytes;
    }

    /** {@return how many bytes the device has} */
    public long totalBytes() {
        return totalBytes;
    }

    private static String inWords(long bytes) {
        return bytes < 1 << 20 ? bytes + " bytes" : (bytes >> 20) + " MiB";
    }
}
