// Sums of exponentials over key blocks, and the largest of them.
#pragma once

#include <stdint.h>

namespace hopper {

constexpr int SELECT_MAX_BLOCKS = 2048;

// The `count` largest of the sums of blocks [first, blocks), ties to the lower index; as bits, words `lane` and `lane + 32`
// of 32 blocks. One warp; `sums` are non-negative, so their bits order like integers.
__device__ __forceinline__ void largest(const float* sums, int first, int blocks, int count, uint32_t (&words)[2]) {
  constexpr int PER_LANE = SELECT_MAX_BLOCKS / 32;
  const int lane = threadIdx.x % 32;
  int v[PER_LANE];
#pragma unroll
  for (int i = 0; i < PER_LANE; ++i) {
    const int j = i * 32 + lane;
    v[i] = j >= first && j < blocks ? __float_as_int(sums[j]) : -1;
  }
  // the largest threshold that `count` values reach, bit by bit
  int threshold = 0, above = 0;
#pragma unroll 1
  for (int bit = 1 << 30; bit != 0; bit >>= 1) {
    int reach = 0;
#pragma unroll
    for (int i = 0; i < PER_LANE; i += 16) {
      if (i * 32 < blocks) {
#pragma unroll
        for (int k = i; k < i + 16; ++k) reach += v[k] >= (threshold | bit);
      }
    }
    if (__reduce_add_sync(0xFFFFFFFF, reach) >= count) threshold |= bit;
  }
#pragma unroll
  for (int i = 0; i < PER_LANE; ++i) above += v[i] > threshold;
  int ties = count - __reduce_add_sync(0xFFFFFFFF, above);
#pragma unroll
  for (int i = 0; i < PER_LANE; ++i) {
    uint32_t word = __ballot_sync(0xFFFFFFFF, v[i] > threshold), equal = __ballot_sync(0xFFFFFFFF, v[i] == threshold);
    while (equal != 0 && ties > 0) {
      word |= equal & -equal;
      equal &= equal - 1;
      --ties;
    }
    if (lane == i % 32) words[i / 32] = word;
  }
}

// Sums over each run of LANES lanes of x[0], x[1] .. x[COUNT - 1]. Lane l of a run ends with the sums of COUNT / LANES elements from
// l * COUNT / LANES on at the start of x; where COUNT < LANES, neighbouring lanes end with the same one.
template <int LANES, int COUNT, int LIVE = COUNT>
__device__ __forceinline__ void add_lanes(float (&x)[COUNT]) {
  constexpr int WIDTH = LANES / 2;
  if constexpr (LIVE > 1) {
    const bool upper = threadIdx.x & WIDTH;
#pragma unroll
    for (int i = 0; i < LIVE / 2; ++i) {
      const float keep = upper ? x[i + LIVE / 2] : x[i], give = upper ? x[i] : x[i + LIVE / 2];
      x[i] = keep + __shfl_xor_sync(0xFFFFFFFF, give, WIDTH);
    }
  } else {
    x[0] += __shfl_xor_sync(0xFFFFFFFF, x[0], WIDTH);
  }
  if constexpr (WIDTH > 1) add_lanes<WIDTH, COUNT, (LIVE > 1 ? LIVE / 2 : 1)>(x);
}

}  // namespace hopper
