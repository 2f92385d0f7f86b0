// The largest of some floats >= 0 in shared memory: as many as a budget takes, by one warp.
#pragma once
#include <cstdint>

// The fewest of the largest values whose sum reaches the share `coverage` of the sum of all; at least `least`, at most `most`.
struct Budget {
  int least, most;
  float coverage;
};

// The k-th largest of n values >= 0 and how many of those equal to it are among the k largest; the same in all lanes.
struct Threshold {
  uint32_t bits;
  int equals;

  __device__ __forceinline__ Threshold(const float* values, int n, Budget budget) {
    const int lane = threadIdx.x & 31;
    const int k = budget.least == budget.most ? budget.least : covering(values, n, budget, lane);
    bits = 0;
    for (int bit = 30; bit >= 0; bit--)  // the order of floats >= 0 is that of their bits
      if (count_from(values, n, bits | 1u << bit, lane) >= k) bits |= 1u << bit;
    equals = k - count_from(values, n, bits + 1, lane);
  }

  __device__ __forceinline__ static int count_from(const float* values, int n, uint32_t least, int lane) {
    int count = 0;
    for (int i = lane; i < n; i += 32) count += __float_as_uint(values[i]) >= least;
    return __reduce_add_sync(0xffffffffu, count);
  }

  __device__ __forceinline__ static float sum_from(const float* values, int n, uint32_t least, int lane) {
    float sum = 0.0f;
    for (int i = lane; i < n; i += 32)
      if (__float_as_uint(values[i]) >= least) sum += values[i];
#pragma unroll
    for (int width = 16; width > 0; width /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, width);
    return sum;
  }

  __device__ __forceinline__ static int covering(const float* values, int n, Budget budget, int lane) {
    const float wanted = budget.coverage * sum_from(values, n, 0, lane);
    if (!(wanted > 0.0f)) return budget.least;
    uint32_t last = 0;  // bits of the smallest value taken
    for (int bit = 30; bit >= 0; bit--)
      if (sum_from(values, n, last | 1u << bit, lane) >= wanted) last |= 1u << bit;
    const int larger = count_from(values, n, last + 1, lane);
    const int equal = count_from(values, n, last, lane) - larger;
    const float missing = (wanted - sum_from(values, n, last + 1, lane)) / __uint_as_float(last);
    const int taken = larger + static_cast<int>(fminf(fmaxf(ceilf(missing), 1.0f), static_cast<float>(equal)));
    return min(max(taken, budget.least), budget.most);
  }

  // Called with the values in ascending order of index, 32 at a time, one a lane.
  __device__ __forceinline__ bool keeps(float value, bool there) {
    const uint32_t own = __float_as_uint(value);
    const uint32_t equal = __ballot_sync(0xffffffffu, there && own == bits);
    const int before = __popc(equal & ((1u << (threadIdx.x & 31)) - 1));
    const bool kept = there && (own > bits || (own == bits && before < equals));
    equals -= __popc(equal);
    return kept;
  }
};
