// RMSNorm (arXiv 1910.07467, eq. 4): out = x / sqrt(mean(x^2) + epsilon) * weight per row, and the same after a residual connection.
// Grid: one thread block per row. Block: 256 threads. No dynamic shared memory.
#include "activation.cuh"

// With `y`, x += y first (rounded to T, as if it had been a kernel of its own). out may be x where y is null.
template <typename T>
__device__ void rms_norm(T* x, const T* y, const float* weight, float epsilon, T* out, int columns) {
    __shared__ float scratch[WARP + 1];
    T* row = x + static_cast<size_t>(blockIdx.x) * columns;
    const T* added = y == nullptr ? nullptr : y + static_cast<size_t>(blockIdx.x) * columns;
    T* result = out + static_cast<size_t>(blockIdx.x) * columns;
    float squares = 0;
    bool packed = columns % Pack<T>::WIDTH == 0;
    int step = packed ? Pack<T>::WIDTH : 1;
    for (int i = threadIdx.x * step; i < columns; i += blockDim.x * step) {
        if (packed) {
            Pack<T> pack(row + i);
            if (added != nullptr) {
                Pack<T> other(added + i);
#pragma unroll
                for (int k = 0; k < Pack<T>::WIDTH; k++) pack.values[k] = from_float<T>(to_float(pack.values[k]) + to_float(other.values[k]));
                pack.store(row + i);
            }
#pragma unroll
            for (int k = 0; k < Pack<T>::WIDTH; k++) squares += to_float(pack.values[k]) * to_float(pack.values[k]);
        } else {
            if (added != nullptr) row[i] = from_float<T>(to_float(row[i]) + to_float(added[i]));
            squares += to_float(row[i]) * to_float(row[i]);
        }
    }
    float factor = rsqrtf(block_sum(squares, scratch) / columns + epsilon);
    for (int i = threadIdx.x * step; i < columns; i += blockDim.x * step) { // each thread reads what it wrote itself
        if (packed) {
            Pack<T> pack(row + i);
#pragma unroll
            for (int k = 0; k < Pack<T>::WIDTH; k++) pack.values[k] = from_float<T>(to_float(pack.values[k]) * factor * weight[i + k]);
            pack.store(result + i);
        } else {
            result[i] = from_float<T>(to_float(row[i]) * factor * weight[i]);
        }
    }
}

extern "C" __global__ void rms_norm_f32(float* x, const float* y, const float* weight, float epsilon, float* out, int columns) {
    rms_norm(x, y, weight, epsilon, out, columns);
}
extern "C" __global__ void rms_norm_bf16(bf16* x, const bf16* y, const float* weight, float epsilon, bf16* out, int columns) {
    rms_norm(x, y, weight, epsilon, out, columns);
}
