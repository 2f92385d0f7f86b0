// The k largest of some floats >= 0 in shared memory, by one warp.
#pragma once
#include <cstdint>

// The k-th largest of n values >= 0 and how many of those equal to it are among the k largest; the same in all lanes.
struct Threshold {
  uint32_t bits;
  int equals;

  __device__ __forceinline__ Threshold(const float* values, int n, int k) {
    const int lane = threadIdx.x & 31;
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
