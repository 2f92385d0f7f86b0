// Rows to 8-bit floats: q = e4m3(x / scale) with scale = max |x| / 448 over the row (1 for a row of zeros), so x ~ q * scale; rounded to
// nearest, ties to even. Inputs of the matrix products of 8-bit floats, which multiply by the scales again.
// Grid: one thread block per row. Block: 128 threads, 512 for swiglu_quantize_bf16. No dynamic shared memory. `columns` is a multiple of 8.
#include "activation.cuh"
#include "e4m3.cuh"

#include <cuda_fp8.h>

// Elements that a thread takes at once.
constexpr int WIDTH = 8;

__device__ __forceinline__ float largest_of(const float (&x)[WIDTH], float largest) {
#pragma unroll
    for (int k = 0; k < WIDTH; k++) largest = fmaxf(largest, fabsf(x[k]));
    return largest;
}

__device__ __forceinline__ void store(const float (&x)[WIDTH], float inverse, unsigned char* out) {
    union {
        uint2 bits;
        __nv_fp8x2_storage_t pairs[WIDTH / 2];
    } pack;
#pragma unroll
    for (int k = 0; k < WIDTH / 2; k++) {
        pack.pairs[k] = __nv_cvt_float2_to_fp8x2(make_float2(x[2 * k] * inverse, x[2 * k + 1] * inverse), __NV_SATFINITE, __NV_E4M3);
    }
    *reinterpret_cast<uint2*>(out) = pack.bits;
}

// The maximum over the thread block, which every thread gets.
template <int THREADS>
__device__ __forceinline__ float block_max(float x) {
    __shared__ float scratch[THREADS / WARP];
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, offset));
    if (threadIdx.x % WARP == 0) scratch[threadIdx.x / WARP] = x;
    __syncthreads();
#pragma unroll
    for (int warp = 0; warp < THREADS / WARP; warp++) x = fmaxf(x, scratch[warp]);
    return x;
}

// `source.read(i)` holds the row's elements i ... i + 7, and `Source::values(held, x)` makes numbers of them. A thread keeps HELD such
// pieces in registers between the two passes: rows up to THREADS * 8 * HELD are read once, what is longer twice.
template <int THREADS, int HELD, typename Source>
__device__ void quantize_row(Source source, unsigned char* out, float* scales, int columns) {
    constexpr int STEP = THREADS * WIDTH;
    unsigned char* row = out + static_cast<size_t>(blockIdx.x) * columns;
    int rest = HELD * STEP + threadIdx.x * WIDTH;
    typename Source::Held held[HELD];
    float largest = 0, x[WIDTH];
    each_held<THREADS, WIDTH, HELD>(columns, [&](int p, int i) { held[p] = source.read(i); });
    each_held<THREADS, WIDTH, HELD>(columns, [&](int p, int) {
        Source::values(held[p], x);
        largest = largest_of(x, largest);
    });
    for (int i = rest; i < columns; i += STEP) {
        Source::values(source.read(i), x);
        largest = largest_of(x, largest);
    }
    float scale = e4m3_scale(block_max<THREADS>(largest));
    float inverse = 1.f / scale;
    each_held<THREADS, WIDTH, HELD>(columns, [&](int p, int i) {
        Source::values(held[p], x);
        store(x, inverse, row + i);
    });
    for (int i = rest; i < columns; i += STEP) {
        Source::values(source.read(i), x);
        store(x, inverse, row + i);
    }
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
}

template <typename T> struct Row {
    static constexpr int PACKS = WIDTH / Pack<T>::WIDTH;
    struct Held {
        Pack<T> packs[PACKS];
    };
    const T* elements;
    __device__ __forceinline__ Row(const T* x, int columns) : elements(x + static_cast<size_t>(blockIdx.x) * columns) {}
    __device__ __forceinline__ Held read(int i) const {
        Held held;
#pragma unroll
        for (int p = 0; p < PACKS; p++) held.packs[p] = Pack<T>(elements + i + p * Pack<T>::WIDTH);
        return held;
    }
    static __device__ __forceinline__ void values(const Held& held, float (&x)[WIDTH]) {
#pragma unroll
        for (int k = 0; k < WIDTH; k++) x[k] = to_float(held.packs[k / Pack<T>::WIDTH].values[k % Pack<T>::WIDTH]);
    }
};

// Rows up to 4096 held: the inputs of LLaDA-8B's layers. (256 threads, six pieces each: 0.24 instead of 0.19 ms for 65536 rows on an H200.)
constexpr int ROW_THREADS = 128;
extern "C" __global__ void __launch_bounds__(ROW_THREADS) quantize_f32(const float* x, unsigned char* out, float* scales, int columns) {
    quantize_row<ROW_THREADS, 4>(Row<float>(x, columns), out, scales, columns);
}
extern "C" __global__ void __launch_bounds__(ROW_THREADS) quantize_f16(const __half* x, unsigned char* out, float* scales, int columns) {
    quantize_row<ROW_THREADS, 4>(Row<__half>(x, columns), out, scales, columns);
}
extern "C" __global__ void __launch_bounds__(ROW_THREADS, 8) quantize_bf16(const bf16* x, unsigned char* out, float* scales, int columns) {
    quantize_row<ROW_THREADS, 4>(Row<bf16>(x, columns), out, scales, columns);
}

// SwiGLU's gate, silu(gate) * up (arXiv 2002.05202, eq. 6), not rounded in between. Its exponential and its division are those of the
// hardware, off by some 2^-21, of which 4 bits of precision see nothing; the exact ones take a fifth longer than memory does.
struct GatedRow {
    struct Held {
        float products[WIDTH];
    };
    Row<bf16> gate, up;
    __device__ __forceinline__ Held read(int i) const {
        Row<bf16>::Held gates = gate.read(i), ups = up.read(i);
        float x[WIDTH], y[WIDTH];
        Row<bf16>::values(gates, x);
        Row<bf16>::values(ups, y);
        Held held;
#pragma unroll
        for (int k = 0; k < WIDTH; k++) held.products[k] = __fdividef(x[k], 1.f + __expf(-x[k])) * y[k];
        return held;
    }
    static __device__ __forceinline__ void values(const Held& held, float (&x)[WIDTH]) {
#pragma unroll
        for (int k = 0; k < WIDTH; k++) x[k] = held.products[k];
    }
};
constexpr int GATED_THREADS = 512; // rows up to 12288 held
extern "C" __global__ void __launch_bounds__(GATED_THREADS, 2) swiglu_quantize_bf16(const bf16* gate, const bf16* up, unsigned char* out, float* scales, int columns) {
    quantize_row<GATED_THREADS, 3>(GatedRow{Row<bf16>(gate, columns), Row<bf16>(up, columns)}, out, scales, columns);
}
