package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import jcuda.Pointer;

/**
 * The arguments of a kernel's launches, laid out once in native memory as {@code cuLaunchKernel} takes them: a table of pointers, and behind
 * it a slot for each argument. Set, launch, set again: a launch copies them. Made by {@link Kernel#arguments}. For one thread at a time. Parameters are numbered from 0 in the
 * kernel's order.
 */
public final class KernelArguments implements AutoCloseable {

    /** A parameter's type. */
    public enum Type {
        /** A device address. */
        POINTER(8),
        /** {@code int} or {@code unsigned}. */
        INT(4),
        /** {@code long long} or {@code size_t}. */
        LONG(8),
        /** {@code float}. */
        FLOAT(4),
        /** A {@code CUtensorMap} by value, {@code const __grid_constant__}; 64-byte aligned. */
        TENSOR_MAP(TensorMap.BYTES);

        private final int bytes;

        Type(int bytes) {
            this.bytes = bytes;
        }

        /** {@return its size in bytes} */
        public int bytes() {
            return bytes;
        }
    }

    private static final int ALIGNMENT = 64; // a tensor map's, the largest

    private final List<Type> types;
    private final long[] offsets;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment block;
    private final Pointer table;
    private boolean closed;

    /** Lays them out; all are zero. */
    KernelArguments(Type... types) {
        this.types = List.of(types);
        this.offsets = new long[types.length];
        long end = (long) types.length * Long.BYTES;
        for (int i = 0; i < types.length; i++) {
            long alignment = Math.min(types[i].bytes, ALIGNMENT);
            offsets[i] = Math.ceilDiv(end, alignment) * alignment;
            end = offsets[i] + types[i].bytes;
        }
        block = arena.allocate(Math.max(end, Long.BYTES), ALIGNMENT);
        for (int i = 0; i < types.length; i++) {
            block.setAtIndex(ValueLayout.JAVA_LONG, i, block.address() + offsets[i]);
        }
        table = Addresses.host(block);
    }

    /**
     * Sets a device address.
     *
     * @param index the parameter
     * @param address the address, in bytes
     * @return this
     * @throws IllegalArgumentException if the parameter has another type; so do the others
     */
    public KernelArguments setPointer(int index, long address) {
        block.set(ValueLayout.JAVA_LONG, offset(index, Type.POINTER), address);
        return this;
    }

    /**
     * Sets an int.
     *
     * @param index the parameter
     * @param value the value
     * @return this
     */
    public KernelArguments setInt(int index, int value) {
        block.set(ValueLayout.JAVA_INT, offset(index, Type.INT), value);
        return this;
    }

    /**
     * Sets a long.
     *
     * @param index the parameter
     * @param value the value
     * @return this
     */
    public KernelArguments setLong(int index, long value) {
        block.set(ValueLayout.JAVA_LONG, offset(index, Type.LONG), value);
        return this;
    }

    /**
     * Sets a float.
     *
     * @param index the parameter
     * @param value the value
     * @return this
     */
    public KernelArguments setFloat(int index, float value) {
        block.set(ValueLayout.JAVA_FLOAT, offset(index, Type.FLOAT), value);
        return this;
    }

    /**
     * Sets a tensor map.
     *
     * @param index the parameter
     * @param value the map, which is copied
     * @return this
     */
    public KernelArguments setTensorMap(int index, TensorMap value) {
        MemorySegment.copy(value.segment(), 0, block, offset(index, Type.TENSOR_MAP), TensorMap.BYTES);
        return this;
    }

    /** The table, for a launch. */
    Pointer table() {
        requireOpen();
        return table;
    }

    /** Table and slots. */
    MemorySegment block() {
        return block;
    }

    private long offset(int index, Type type) {
        requireOpen();
        if (types.get(index) != type) {
            throw new IllegalArgumentException(
                    "parameter " + index + " is of type " + types.get(index) + ", not " + type);
        }
        return offsets[index];
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
