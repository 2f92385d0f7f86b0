// RMSNorm (arXiv 1910.07467, eq. 4): out = x / sqrt(mean(x^2) + epsilon) * weight per row, and the same after a residual connection.
// Grid: one thread block per row. Block: 128 threads. No dynamic shared memory.
#include "activation.cuh"

constexpr int THREADS = 128;
// Packs of a thread that stay in registers between the two passes: rows up to 128 * 8 * 4 = 4096 bf16 are read once, and at full speed.
constexpr int HELD = 4;

template <typename T, typename F>
__device__ __forceinline__ void each_pack(int columns, F f) { each_held<THREADS, Pack<T>::WIDTH, HELD>(columns, f); }

// With `y`, x += y first (rounded to T, as if it had been a kernel of its own). out may be x where y is null.
template <typename T>
__device__ void rms_norm(T* x, const T* y, const float* weight, float epsilon, T* out, int columns) {
    __shared__ float scratch[WARP + 1];
    constexpr int WIDTH = Pack<T>::WIDTH;
    size_t offset = static_cast<size_t>(blockIdx.x) * columns;
    T* row = x + offset;
    const T* added = y == nullptr ? nullptr : y + offset;
    T* result = out + offset;
    // Rows are aligned to packs if they consist of them; what no pack holds goes element by element.
    int packed = columns % WIDTH == 0 ? min(columns, HELD * THREADS * WIDTH) : 0;
    float squares = 0;
    Pack<T> held[HELD];
    each_pack<T>(packed, [&](int p, int i) { held[p] = Pack<T>(row + i); });
    if (added != nullptr) {
        Pack<T> other[HELD]; // loaded before the first store, behind which the compiler would not move them
        each_pack<T>(packed, [&](int p, int i) { other[p] = Pack<T>(added + i); });
        each_pack<T>(packed, [&](int p, int i) {
#pragma unroll
            for (int k = 0; k < WIDTH; k++) held[p].values[k] = from_float<T>(to_float(held[p].values[k]) + to_float(other[p].values[k]));
            held[p].store(row + i);
        });
    }
    each_pack<T>(packed, [&](int p, int i) {
#pragma unroll
        for (int k = 0; k < WIDTH; k++) squares += to_float(held[p].values[k]) * to_float(held[p].values[k]);
    });
    for (int i = packed + threadIdx.x; i < columns; i += THREADS) {
        if (added != nullptr) row[i] = from_float<T>(to_float(row[i]) + to_float(added[i]));
        squares += to_float(row[i]) * to_float(row[i]);
    }
    float factor = rsqrtf(block_sum(squares, scratch) / columns + epsilon);
    each_pack<T>(packed, [&](int p, int i) {
        float w[WIDTH];
        load(weight + i, w);
#pragma unroll
        for (int k = 0; k < WIDTH; k++) held[p].values[k] = from_float<T>(to_float(held[p].values[k]) * factor * w[k]);
        held[p].store(result + i);
    });
    for (int i = packed + threadIdx.x; i < columns; i += THREADS) result[i] = from_float<T>(to_float(row[i]) * factor * weight[i]);
}

extern "C" __global__ void __launch_bounds__(THREADS) rms_norm_f32(float* x, const float* y, const float* weight, float epsilon, float* out, int columns) {
    rms_norm(x, y, weight, epsilon, out, columns);
}
extern "C" __global__ void __launch_bounds__(THREADS) rms_norm_bf16(bf16* x, const bf16* y, const float* weight, float epsilon, bf16* out, int columns) {
    rms_norm(x, y, weight, epsilon, out, columns);
}
