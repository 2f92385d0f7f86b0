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

// Sums of the warp's lanes for every key block of the tile; lanes 32 / PARTS * b and following end with block b's.
template <int PARTS>
__device__ __forceinline__ float reduce(float (&x)[PARTS]) {
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int width = 16, live = PARTS; width > 0; width /= 2) {
    if (live > 1) {
      live /= 2;
      const bool upper = lane & width;
#pragma unroll
      for (int i = 0; i < live; ++i) {
        const float keep = upper ? x[i + live] : x[i], give = upper ? x[i] : x[i + live];
        x[i] = keep + __shfl_xor_sync(0xFFFFFFFF, give, width);
      }
    } else {
      x[0] += __shfl_xor_sync(0xFFFFFFFF, x[0], width);
    }
  }
  return x[0];
}

}  // namespace hopper
