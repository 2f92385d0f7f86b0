// Rows to 8-bit floats: q = e4m3(x / scale) with scale = max |x| / 448 over the row (1 for a row of zeros), so x ~ q * scale; rounded to
// nearest, ties to even. Inputs of the matrix products of 8-bit floats, which multiply by the scales again.
// Grid: one thread block per row. Block: 256 threads. No dynamic shared memory. `columns` is a multiple of 8.
#include "activation.cuh"
#include "e4m3.cuh"

#include <cuda_fp8.h>

constexpr int THREADS = 256;
constexpr int WIDTH = 8;
// Packs of a thread that stay in registers between the two passes: rows up to 256 * 8 * 6 = 12288 are read once, what is longer twice.
constexpr int HELD = 6;

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

// `source(i, x)` sets x to the row's elements i ... i + 7.
template <typename Source>
__device__ void quantize_row(Source source, unsigned char* out, float* scales, int columns) {
    unsigned char* row = out + static_cast<size_t>(blockIdx.x) * columns;
    float held[HELD][WIDTH];
    float largest = 0;
    constexpr int STEP = THREADS * WIDTH;
    int first = threadIdx.x * WIDTH;
#pragma unroll
    for (int p = 0; p < HELD; p++) {
        if (first + p * STEP < columns) {
            source(first + p * STEP, held[p]);
            largest = largest_of(held[p], largest);
        }
    }
    for (int i = first + HELD * STEP; i < columns; i += STEP) {
        float x[WIDTH];
        source(i, x);
        largest = largest_of(x, largest);
    }
    largest = block_max(largest);
    float scale = e4m3_scale(largest);
    float inverse = 1.f / scale;
#pragma unroll
    for (int p = 0; p < HELD; p++) {
        if (first + p * STEP < columns) store(held[p], inverse, row + first + p * STEP);
    }
    for (int i = first + HELD * STEP; i < columns; i += STEP) {
        float x[WIDTH];
        source(i, x);
        store(x, inverse, row + i);
    }
    if (threadIdx.x == 0) scales[blockIdx.x] = scale;
}

template <typename T> struct Row {
    const T* values;
    __device__ __forceinline__ Row(const T* x, int columns) : values(x + static_cast<size_t>(blockIdx.x) * columns) {}
    __device__ __forceinline__ void operator()(int i, float (&x)[WIDTH]) const {
#pragma unroll
        for (int from = 0; from < WIDTH; from += Pack<T>::WIDTH) {
            Pack<T> pack(values + i + from);
#pragma unroll
            for (int k = 0; k < Pack<T>::WIDTH; k++) x[from + k] = to_float(pack.values[k]);
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 3) quantize_f32(const float* x, unsigned char* out, float* scales, int columns) {
    quantize_row(Row<float>(x, columns), out, scales, columns);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) quantize_f16(const __half* x, unsigned char* out, float* scales, int columns) {
    quantize_row(Row<__half>(x, columns), out, scales, columns);
}
extern "C" __global__ void __launch_bounds__(THREADS, 3) quantize_bf16(const bf16* x, unsigned char* out, float* scales, int columns) {
    quantize_row(Row<bf16>(x, columns), out, scales, columns);
}

// SwiGLU's gate, silu(gate) * up (arXiv 2002.05202, eq. 6), not rounded in between.
struct GatedRow {
    Row<bf16> gate, up;
    __device__ __forceinline__ void operator()(int i, float (&x)[WIDTH]) const {
        float y[WIDTH];
        gate(i, x);
        up(i, y);
#pragma unroll
        for (int k = 0; k < WIDTH; k++) x[k] = x[k] / (1.f + expf(-x[k])) * y[k];
    }
};
extern "C" __global__ void __launch_bounds__(THREADS, 3) swiglu_quantize_bf16(const bf16* gate, const bf16* up, unsigned char* out, float* scales, int columns) {
    quantize_row(GatedRow{Row<bf16>(gate, columns), Row<bf16>(up, columns)}, out, scales, columns);
}
