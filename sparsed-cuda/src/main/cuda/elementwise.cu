// Operations on matrices, element by element. Grid: enough thread blocks of 256 threads for one 16-byte pack per thread (the last elements
// one by one, and all of them where a base is not aligned to 16 bytes). No shared memory. `count` elements.
#include "activation.cuh"

__device__ bool aligned(const void* a, const void* b, const void* c) {
    return ((reinterpret_cast<size_t>(a) | reinterpret_cast<size_t>(b) | reinterpret_cast<size_t>(c)) & 15) == 0;
}

// out = f(a, b); out may be one of them.
template <typename T, typename F>
__device__ void combine(const T* a, const T* b, T* out, size_t count, F f) {
    size_t from = (static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x) * Pack<T>::WIDTH;
    if (from + Pack<T>::WIDTH <= count && aligned(a, b, out)) {
        Pack<T> x(a + from), y(b + from);
#pragma unroll
        for (int k = 0; k < Pack<T>::WIDTH; k++) x.values[k] = from_float<T>(f(to_float(x.values[k]), to_float(y.values[k])));
        x.store(out + from);
    } else {
        for (size_t i = from; i < min(from + Pack<T>::WIDTH, count); i++) out[i] = from_float<T>(f(to_float(a[i]), to_float(b[i])));
    }
}

// out = silu(gate) * up with silu(z) = z / (1 + exp(-z)) (arXiv 2002.05202, eq. 6); out may be gate or up.
struct SwiGlu {
    __device__ float operator()(float gate, float up) const { return gate / (1.f + expf(-gate)) * up; }
};
extern "C" __global__ void swiglu_f32(const float* gate, const float* up, float* out, size_t count) { combine(gate, up, out, count, SwiGlu()); }
extern "C" __global__ void swiglu_bf16(const bf16* gate, const bf16* up, bf16* out, size_t count) { combine(gate, up, out, count, SwiGlu()); }

// Residual connection: x += y.
struct Add {
    __device__ float operator()(float x, float y) const { return x + y; }
};
extern "C" __global__ void add_f32(float* x, const float* y, size_t count) { combine(x, y, x, count, Add()); }
extern "C" __global__ void add_bf16(bf16* x, const bf16* y, size_t count) { combine(x, y, x, count, Add()); }

// Classifier-free guidance: conditional = unconditional + factor * (conditional - unconditional), float32 logits.
struct Guide {
    float factor;
    __device__ float operator()(float conditional, float unconditional) const { return unconditional + factor * (conditional - unconditional); }
};
extern "C" __global__ void guide_f32(float* conditional, const float* unconditional, float factor, size_t count) {
    combine(conditional, unconditional, conditional, count, Guide{factor});
}

// x[row, column] = bias[column], for a product to be added to; one element per thread, grid (columns / 256 rounded up, rows up to 65535).
template <typename T>
__device__ void repeat_bias(T* x, const float* bias, int rows, int columns) {
    int column = blockIdx.x * blockDim.x + threadIdx.x;
    for (int row = blockIdx.y; column < columns && row < rows; row += gridDim.y) {
        x[static_cast<size_t>(row) * columns + column] = from_float<T>(bias[column]);
    }
}
extern "C" __global__ void repeat_bias_f32(float* x, const float* bias, int rows, int columns) { repeat_bias(x, bias, rows, columns); }
extern "C" __global__ void repeat_bias_bf16(bf16* x, const float* bias, int rows, int columns) { repeat_bias(x, bias, rows, columns); }

// Checkpoint types to the device's: one element per thread, 256 threads.
template <typename From, typename To>
__device__ void convert(const From* from, To* to, size_t count) {
    size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i < count) to[i] = from_float<To>(to_float(from[i]));
}
extern "C" __global__ void convert_f32_bf16(const float* from, bf16* to, size_t count) { convert(from, to, count); }
extern "C" __global__ void convert_f16_bf16(const __half* from, bf16* to, size_t count) { convert(from, to, count); }
extern "C" __global__ void convert_f16_f32(const __half* from, float* to, size_t count) { convert(from, to, count); }
extern "C" __global__ void convert_bf16_f32(const bf16* from, float* to, size_t count) { convert(from, to, count); }
