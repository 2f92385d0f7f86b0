// Rows of a table by index: the embedding of tokens, and rows picked from an activation.
// Grid: one thread block per output row. Block: 128 threads. No shared memory.
#include "activation.cuh"

template <typename T>
__device__ void look_up(const T* table, const int* rows, T* out, int columns) {
    const T* from = table + static_cast<size_t>(rows[blockIdx.x]) * columns;
    T* to = out + static_cast<size_t>(blockIdx.x) * columns;
    if (columns % Pack<T>::WIDTH == 0) {
        for (int i = threadIdx.x * Pack<T>::WIDTH; i < columns; i += blockDim.x * Pack<T>::WIDTH) Pack<T>(from + i).store(to + i);
    } else {
        for (int i = threadIdx.x; i < columns; i += blockDim.x) to[i] = from[i];
    }
}

// out[i] = table[rows[i]]; out must not overlap the table.
extern "C" __global__ void look_up_f32(const float* table, const int* rows, float* out, int columns) { look_up(table, rows, out, columns); }
extern "C" __global__ void look_up_bf16(const bf16* table, const int* rows, bf16* out, int columns) { look_up(table, rows, out, columns); }
