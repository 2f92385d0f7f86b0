// Rotary position embedding (RoFormer, arXiv 2104.09864, eq. 34) in place, rotate-half: feature i of a head's first half and its partner
// j = i + D/2 become x_i c_i - x_j s_i and x_j c_i + x_i s_i.
// Grid: one thread block per row. Block: 128 threads. No shared memory.
#include "activation.cuh"

// cos, sin: [positions, D/2]. The row's position is positions[row], or first + row where positions is null.
template <typename T>
__device__ void rope(T* x, const float* cos, const float* sin, const int* positions, int first, int columns, int head_dim) {
    constexpr int WIDTH = Pack<T>::WIDTH;
    int half = head_dim / 2;
    int position = positions == nullptr ? first + blockIdx.x : positions[blockIdx.x];
    T* row = x + static_cast<size_t>(blockIdx.x) * columns;
    const float* c = cos + static_cast<size_t>(position) * half;
    const float* s = sin + static_cast<size_t>(position) * half;
    int packs = half / WIDTH;
    if (half % WIDTH == 0 && packs <= blockDim.x) { // a thread keeps to its features, whatever the head: one look at the tables
        int heads_at_a_time = blockDim.x / packs, i = threadIdx.x % packs * WIDTH;
        if (threadIdx.x >= heads_at_a_time * packs) return;
        float cosine[WIDTH], sine[WIDTH];
        load(c + i, cosine);
        load(s + i, sine);
        for (int from = threadIdx.x / packs * head_dim; from < columns; from += heads_at_a_time * head_dim) {
            Pack<T> low(row + from + i), high(row + from + half + i);
#pragma unroll
            for (int k = 0; k < WIDTH; k++) {
                float a = to_float(low.values[k]), b = to_float(high.values[k]);
                low.values[k] = from_float<T>(a * cosine[k] - b * sine[k]);
                high.values[k] = from_float<T>(b * cosine[k] + a * sine[k]);
            }
            low.store(row + from + i);
            high.store(row + from + half + i);
        }
        return;
    }
    for (int pair = threadIdx.x; pair < columns / 2; pair += blockDim.x) {
        int i = pair % half;
        T* low = row + pair / half * head_dim + i;
        float a = to_float(low[0]), b = to_float(low[half]);
        low[0] = from_float<T>(a * c[i] - b * s[i]);
        low[half] = from_float<T>(b * c[i] + a * s[i]);
    }
}

extern "C" __global__ void rope_f32(float* x, const float* cos, const float* sin, const int* positions, int first, int columns, int head_dim) {
    rope(x, cos, sin, positions, first, columns, head_dim);
}
extern "C" __global__ void rope_bf16(bf16* x, const float* cos, const float* sin, const int* positions, int first, int columns, int head_dim) {
    rope(x, cos, sin, positions, first, columns, head_dim);
}
