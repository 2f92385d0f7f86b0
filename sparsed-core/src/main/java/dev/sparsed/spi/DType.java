package dev.sparsed.spi;

/** Element type of a tensor, with the names the safetensors format uses. */
public enum DType {
    /** IEEE 754 binary32. */
    F32(4),
    /** IEEE 754 binary16. */
    F16(2),
    /** bfloat16: the upper half of a binary32. */
    BF16(2),
    /** 64-bit signed integer. */
    I64(8),
    /** 8-bit unsigned integer. */
    U8(1);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** {@return the size of one element in bytes} */
    public int bytes() {
        return bytes;
    }

    /** {@return whether weights may have this type: F32, F16 or BF16} */
    public boolean isFloat() {
        return this == F32 || this == F16 || this == BF16;
    }
}
