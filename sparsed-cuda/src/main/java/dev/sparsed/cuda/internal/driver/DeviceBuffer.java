package dev.sparsed.cuda.internal.driver;

import org.jspecify.annotations.Nullable;

/** A piece of device memory, at least 256-byte aligned. Closing gives it back, as {@link DeviceMemory} says. */
public final class DeviceBuffer implements AutoCloseable {

    private final DeviceMemory owner;
    private final long bytes;
    private final long held;
    private final String purpose;
    private final @Nullable Object stream;
    /** 0 when closed. */
    private volatile long address;

    DeviceBuffer(DeviceMemory owner, long address, long bytes, long held, String purpose, @Nullable Object stream) {
        this.owner = owner;
        this.address = address;
        this.bytes = bytes;
        this.held = held;
        this.purpose = purpose;
        this.stream = stream;
    }

    /**
     * {@return where it lies on the device}
     *
     * @throws IllegalStateException if it is closed
     */
    public long address() {
        long value = address;
        if (value == 0) {
            throw new IllegalStateException("the device memory of " + purpose + " is closed");
        }
        return value;
    }

    /** {@return how many bytes were asked for} */
    public long bytes() {
        return bytes;
    }

    /** {@return what it is for} */
    public String purpose() {
        return purpose;
    }

    /** The device memory is gone, whoever still has this. */
    void invalidate() {
        address = 0;
    }

    @Override
    public void close() {
        long value;
        synchronized (this) {
            value = address;
            address = 0;
        }
        if (value != 0) {
            owner.giveBack(this, value, held, stream);
        }
    }

    @Override
    public String toString() {
        return "DeviceBuffer[" + purpose + ", " + bytes + " bytes]";
    }
}
