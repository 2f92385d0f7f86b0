// Activations are float or bf16; all arithmetic on them is float32.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

using bf16 = __nv_bfloat16;

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float to_float(__half x) { return __half2float(x); }

template <typename T> __device__ __forceinline__ T from_float(float x);
template <> __device__ __forceinline__ float from_float<float>(float x) { return x; }
template <> __device__ __forceinline__ bf16 from_float<bf16>(float x) { return __float2bfloat16(x); }

// 16 bytes of a row at once: 4 floats or 8 bf16. Rows start at multiples of 16 bytes when `columns` is a multiple of WIDTH.
template <typename T> struct Pack {
    static constexpr int WIDTH = 16 / sizeof(T);
    union {
        uint4 bits;
        T values[WIDTH];
    };
    __device__ __forceinline__ Pack() {}
    __device__ __forceinline__ explicit Pack(const T* from) { bits = *reinterpret_cast<const uint4*>(from); }
    __device__ __forceinline__ void store(T* to) const { *reinterpret_cast<uint4*>(to) = bits; }
};

// N floats from an address that is a multiple of 16 bytes.
template <int N>
__device__ __forceinline__ void load(const float* from, float (&to)[N]) {
#pragma unroll
    for (int k = 0; k < N; k += 4) {
        float4 x = *reinterpret_cast<const float4*>(from + k);
        to[k] = x.x, to[k + 1] = x.y, to[k + 2] = x.z, to[k + 3] = x.w;
    }
}

constexpr int WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(ALL_LANES, x, offset);
    return x;
}

// The sum over a thread block of at most 1024 threads, in one fixed order; every thread gets it. `scratch` holds 33 floats.
__device__ __forceinline__ float block_sum(float x, float* scratch) {
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP, warps = (blockDim.x + WARP - 1) / WARP;
    x = warp_sum(x);
    __syncthreads(); // scratch may still be read from a call before
    if (lane == 0) scratch[warp] = x;
    __syncthreads();
    if (warp == 0) {
        float total = warp_sum(lane < warps ? scratch[lane] : 0.f);
        if (lane == 0) scratch[WARP] = total;
    }
    __syncthreads();
    return scratch[WARP];
}

// f(p, i) for the pieces of a row that a thread of THREADS keeps in registers: the p-th of HELD is the WIDTH elements from i on. Unrolled, so
// that all loads of one call are under way at once.
template <int THREADS, int WIDTH, int HELD, typename F>
__device__ __forceinline__ void each_held(int columns, F f) {
#pragma unroll
    for (int p = 0; p < HELD; p++) {
        int i = (p * THREADS + threadIdx.x) * WIDTH;
        if (i < columns) f(p, i);
    }
}
