// The k largest of some non-negative floats, ties to the lower index, by one thread block.
#pragma once
#include "activation.cuh"

__device__ __forceinline__ int count_at_least(const float* values, int from, int to, unsigned bound) {
    int count = 0;
    for (int base = from; base < to; base += blockDim.x) {
        int i = base + threadIdx.x;
        count += __syncthreads_count(i < to && __float_as_uint(values[i]) >= bound);
    }
    return count;
}

// Sets bit i of `words` for the k largest values[from .. to) that lie below `limit`. Values are >= 0, so they are ordered as their bits are.
// All threads call it; `words` (shared memory) is complete after the next __syncthreads.
__device__ __forceinline__ void keep_largest(const float* values, int from, int to, int k, int limit, unsigned* words) {
    unsigned smallest = 0; // of those taken: the largest bound that at least k values reach, bit by bit
    for (int bit = 30; bit >= 0; bit--) {
        unsigned bound = smallest | 1u << bit;
        if (count_at_least(values, from, to, bound) >= k) smallest = bound;
    }
    int ties = k - (smallest == 0xffffffffu ? 0 : count_at_least(values, from, to, smallest + 1));
    if (threadIdx.x < WARP) {
        for (int base = from / WARP * WARP; base < to; base += WARP) {
            int i = base + threadIdx.x;
            unsigned value = i >= from && i < to ? __float_as_uint(values[i]) : 0;
            bool tied = i >= from && i < to && value == smallest;
            unsigned all_tied = __ballot_sync(ALL_LANES, tied);
            bool taken = tied ? __popc(all_tied & ((1u << threadIdx.x) - 1)) < ties : i >= from && i < to && value > smallest;
            unsigned mask = __ballot_sync(ALL_LANES, taken && i < limit);
            ties -= min(ties, __popc(all_tied));
            if (threadIdx.x == 0) words[base / WARP] |= mask;
        }
    }
}
