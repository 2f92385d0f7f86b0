package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jcuda.Pointer;

/**
 * The arguments of a kernel's launches in native memory, as {@code cuLaunchKernel} takes them: a table of pointers, and behind it a slot for
 * each argument. {@link #begin Begin}, add all of them in the kernel's order, launch, begin again: a launch copies them. The first round lays
 * them out; every later one has to add the same types. Made by {@link Kernel#arguments}. For one thread at a time.
 */
public final class KernelArguments implements AutoCloseable {

    /** A parameter's type. */
    private enum Type {
        POINTER(8),
        INT(4),
        LONG(8),
        FLOAT(4),
        TENSOR_MAP(TensorMap.BYTES);

        private final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }
    }

    /** Parameters that there is room for; the kernels have up to 18. */
    static final int MOST = 32;

    private static final int ALIGNMENT = 64; // a tensor map's, the largest

    private final String kernel;
    private final List<Long> sizes;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment block = arena.allocate(MOST * (long) (Long.BYTES + TensorMap.BYTES), ALIGNMENT);
    private final Pointer table = Addresses.host(block);
    private final Type[] types = new Type[MOST];
    private final long[] offsets = new long[MOST];
    private long end = MOST * (long) Long.BYTES;
    private int laidOut;
    private int added;
    private boolean launched;
    private boolean closed;

    /**
     * Has none yet.
     *
     * @param kernel the kernel's name, for messages
     * @param sizes its parameters' sizes in bytes; empty if they are not known
     */
    KernelArguments(String kernel, List<Long> sizes) {
        this.kernel = kernel;
        this.sizes = sizes;
    }

    /**
     * Starts over, with the kernel's first parameter.
     *
     * @return this
     */
    public KernelArguments begin() {
        added = 0;
        return this;
    }

    /**
     * Adds a device address.
     *
     * @param address the address, in bytes
     * @return this
     * @throws IllegalArgumentException if the kernel's next parameter has another type, or it has no more; so do the others
     */
    public KernelArguments addPointer(long address) {
        block.set(ValueLayout.JAVA_LONG, next(Type.POINTER), address);
        return this;
    }

    /**
     * Adds an {@code int} or {@code unsigned}.
     *
     * @param value the value
     * @return this
     */
    public KernelArguments addInt(int value) {
        block.set(ValueLayout.JAVA_INT, next(Type.INT), value);
        return this;
    }

    /**
     * Adds a {@code long long} or {@code size_t}.
     *
     * @param value the value
     * @return this
     */
    public KernelArguments addLong(long value) {
        block.set(ValueLayout.JAVA_LONG, next(Type.LONG), value);
        return this;
    }

    /**
     * Adds a {@code float}.
     *
     * @param value the value
     * @return this
     */
    public KernelArguments addFloat(float value) {
        block.set(ValueLayout.JAVA_FLOAT, next(Type.FLOAT), value);
        return this;
    }

    /**
     * Adds a {@code CUtensorMap} by value, a {@code const __grid_constant__}.
     *
     * @param value the map, which is copied
     * @return this
     */
    public KernelArguments addTensorMap(TensorMap value) {
        MemorySegment.copy(value.segment(), 0, block, next(Type.TENSOR_MAP), TensorMap.BYTES);
        return this;
    }

    /**
     * The table, for a launch.
     *
     * @throws IllegalStateException if arguments are missing
     */
    Pointer table() {
        requireOpen();
        int parameters = sizes.isEmpty() ? laidOut : sizes.size();
        if (added != parameters) {
            throw new IllegalStateException(
                    "kernel " + kernel + " has " + parameters + " parameters, and " + added + " arguments were added");
        }
        launched = true;
        return table;
    }

    /** Table and slots. */
    MemorySegment block() {
        return block;
    }

    /** The offset of the next argument. */
    private long next(Type type) {
        requireOpen();
        if (added == laidOut) {
            layOut(type);
        } else if (types[added] != type) {
            throw new IllegalArgumentException(
                    "kernel " + kernel + ": parameter " + added + " is of type " + types[added] + ", not " + type);
        }
        return offsets[added++];
    }

    private void layOut(Type type) {
        int index = laidOut;
        int room = launched ? index : sizes.isEmpty() ? MOST : sizes.size();
        if (index >= room) {
            throw new IllegalArgumentException(
                    "kernel " + kernel + " has " + room + " parameters, and one more argument was added");
        }
        long bytes = sizes.isEmpty() ? type.bytes : sizes.get(index);
        if (bytes != type.bytes) {
            throw new IllegalArgumentException("kernel " + kernel + ": parameter " + index + " has " + bytes
                    + " bytes, and " + type + " has " + type.bytes);
        }
        long alignment = Math.min(type.bytes, ALIGNMENT);
        offsets[index] = Math.ceilDiv(end, alignment) * alignment;
        end = offsets[index] + type.bytes;
        types[index] = type;
        block.setAtIndex(ValueLayout.JAVA_LONG, index, block.address() + offsets[index]);
        laidOut++;
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the kernel arguments are closed");
        }
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            arena.close();
        }
    }
}
