// Sums of exponentials over key blocks, and the largest of them.
#pragma once

#include <stdint.h>

namespace hopper {

constexpr int SELECT_MAX_BLOCKS = 2048;

// The `count` largest of the sums of blocks [first, blocks), ties to the lower index; as bits, words `lane` and `lane + 32`
// of 32 blocks. One warp; `sums` are non-negative, so their bits order like integers.
__device__ __forceinline__ void largest(const float* sums, int first, int blocks, int count, uint32_t (&words)[2]) {
  const int lane = threadIdx.x % 32;
  const auto reach = [&](int threshold) {
    int x = 0;
#pragma unroll 8
    for (int j = first + lane; j < blocks; j += 32) x += __float_as_int(sums[j]) >= threshold;
    return __reduce_add_sync(0xFFFFFFFF, x);
  };
  // the largest threshold that `count` values reach, bit by bit
  int threshold = 0;
#pragma unroll 1
  for (int bit = 1 << 30; bit != 0; bit >>= 1) {
    if (reach(threshold | bit) >= count) threshold |= bit;
  }
  int ties = count - reach(threshold + 1);
  words[0] = words[1] = 0;
#pragma unroll 1
  for (int i = first / 32; i * 32 < blocks; ++i) {
    const int j = i * 32 + lane, value = j >= first && j < blocks ? __float_as_int(sums[j]) : -1;
    uint32_t word = __ballot_sync(0xFFFFFFFF, value > threshold), equal = __ballot_sync(0xFFFFFFFF, value == threshold);
    while (equal != 0 && ties > 0) {
      word |= equal & -equal;
      equal &= equal - 1;
      --ties;
    }
    if (lane == i) words[0] = word;
    if (lane + 32 == i) words[1] = word;
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
