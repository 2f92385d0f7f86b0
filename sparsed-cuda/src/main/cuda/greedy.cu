// The greedy candidate of every row of float32 logits z, with p = softmax(z): argmax (ties to the lower id), p1, p1 - p2, and
// sum p ln(p + 1e-10). Grid: one thread block per row. Block: 1024 threads. No dynamic shared memory.
#include "activation.cuh"
#include <math_constants.h>

// The two largest logits seen and where the largest is. -inf never becomes a candidate before a finite logit; index 0 is the default.
struct Top2 {
    float first, second;
    int index;
    __device__ void merge(float other_first, float other_second, int other_index) {
        bool wins = other_first > first || (other_first == first && other_index < index);
        float loser = wins ? first : other_first;
        if (wins) {
            first = other_first;
            index = other_index;
            second = other_second;
        }
        second = fmaxf(second, loser);
    }
};

__device__ Top2 warp_merge(Top2 top) {
#pragma unroll
    for (int offset = WARP / 2; offset > 0; offset /= 2) {
        float first = __shfl_xor_sync(ALL_LANES, top.first, offset);
        float second = __shfl_xor_sync(ALL_LANES, top.second, offset);
        int index = __shfl_xor_sync(ALL_LANES, top.index, offset);
        top.merge(first, second, index);
    }
    return top;
}

// margins and entropies may be null: not wanted.
extern "C" __global__ void __launch_bounds__(1024) greedy_f32(
    const float* logits, int vocabulary, int* tokens, float* probabilities, float* margins, float* entropies) {
    __shared__ Top2 tops[WARP + 1];
    __shared__ float scratch[WARP + 1];
    const float* row = logits + static_cast<size_t>(blockIdx.x) * vocabulary;
    Top2 top{-CUDART_INF_F, -CUDART_INF_F, vocabulary};
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) top.merge(row[i], -CUDART_INF_F, i);
    top = warp_merge(top);
    if (threadIdx.x % WARP == 0) tops[threadIdx.x / WARP] = top;
    __syncthreads();
    if (threadIdx.x < WARP) {
        top = warp_merge(tops[threadIdx.x]); // 1024 threads: 32 warps
        if (threadIdx.x == 0) tops[WARP] = top;
    }
    __syncthreads();
    top = tops[WARP];
    float sum = 0;
    for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) sum += expf(row[i] - top.first);
    sum = block_sum(sum, scratch);
    if (entropies != nullptr) {
        float entropy = 0;
        for (int i = threadIdx.x; i < vocabulary; i += blockDim.x) {
            float p = expf(row[i] - top.first) / sum;
            entropy += p * logf(p + 1e-10f);
        }
        entropy = block_sum(entropy, scratch);
        if (threadIdx.x == 0) entropies[blockIdx.x] = entropy;
    }
    if (threadIdx.x == 0) {
        tokens[blockIdx.x] = top.index;
        probabilities[blockIdx.x] = 1.f / sum;
        if (margins != nullptr) margins[blockIdx.x] = (1.f - expf(top.second - top.first)) / sum;
    }
}
