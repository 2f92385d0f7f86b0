// Pattern selection for Hopper: block sums of exp(score - lse) from Q, K and the dense pass's log-sum-exp, then top-k.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_select.cu
//
// A CTA owns 256 query rows (256 / B query blocks) of one head and streams all keys once and the generation's a second
// time: the first pass sums exp(score - lse) over every key block and finds each row's log-sum-exp over the generation
// keys, the second sums exp(score - that). No sum ever leaves the CTA; only the chosen bits do.
//
// Kernels: hopper_select_d{128,64}_b{128,64,32}. 640 threads, grid min(multiprocessors, heads * ceil(N / 256)). Registers 96 at
// entry, consumers 112, producer 24; no spills. n = ceil(N / B) <= 2048. Dynamic shared memory, bytes:
//   D = 128: 214432 (B = 128), 231072 (64), 231568 (32); D = 64: 116128, 132768, 149648
//   mapQ, mapK  tensor maps as in hopper_attention.cu, over N rows; boxes of 64 rows for Q and 128 for K
//   lse         f32 [N, Hq] of the dense pass
//   keys N, heads Hq, kvHeads Hkv, scale > 0
//   generationBlock g (0 <= g < n), promptCount k1 (1..n), generationCount k2 (1..n - g)
//   words       uint64 [Hq][n][ceil(n / 64)], little endian: bit j % 64 of word j / 64 tells whether key block j is kept
//   counter     as in hopper_attention.cu
#include "hopper_block_sums.cuh"
#include "hopper_softmax.cuh"

namespace hopper {

// RESIDENT: steps of 16 columns of Q kept in registers (as many as fit); they relieve shared memory.
template <int DIM_, int BLOCK_, int STAGES_, int RESIDENT_>
struct SelectShape {
  static constexpr int DIM = DIM_, BLOCK = BLOCK_, STAGES = STAGES_, RESIDENT = RESIDENT_;
  static constexpr int KEYS = 128, WARPGROUPS = 4, ROWS = 64 * WARPGROUPS, WARPS = 4 * WARPGROUPS;
  static constexpr int CHUNKS = DIM / 64;
  static constexpr int QUERY_BYTES = ROWS * DIM * 2;  // [warpgroup][chunk][64][64]
  static constexpr int TILE_BYTES = KEYS * DIM * 2;   // [chunk][128][64]
  static constexpr int PARTS = KEYS / BLOCK;          // key blocks of a tile
  static constexpr int QUERY_BLOCKS = ROWS / BLOCK, WARPS_PER_BLOCK = BLOCK / 16;
  static constexpr int PARTIALS = 4;                  // ring of the warps' sums over a tile
  static constexpr int KEYS_AT = QUERY_BYTES;
  static constexpr int SUMS_AT = KEYS_AT + STAGES * TILE_BYTES;                          // f32 [QUERY_BLOCKS][SELECT_MAX_BLOCKS]
  static constexpr int PARTIALS_AT = SUMS_AT + QUERY_BLOCKS * SELECT_MAX_BLOCKS * 4;     // f32 [PARTIALS][PARTS][WARPS]
  static constexpr int BARRIERS_AT = PARTIALS_AT + PARTIALS * PARTS * WARPS * 4;
  static constexpr int INFO_AT = BARRIERS_AT + 8 * (2 + 2 * STAGES + 2 * PARTIALS);
};

struct SelectArguments {
  const float* lse;
  int keys, heads, group;
  float scaleLog2;
  int generationBlock, promptCount, generationCount, blocks;
  uint32_t* words;
  int* counter;
};

template <class S>
struct SelectBarriers {
  uint32_t base;
  __device__ __forceinline__ uint32_t queryFull() const { return base; }
  __device__ __forceinline__ uint32_t queryEmpty() const { return base + 8; }
  __device__ __forceinline__ uint32_t full(int s) const { return base + 16 + 8 * s; }
  __device__ __forceinline__ uint32_t empty(int s) const { return base + 16 + 8 * (S::STAGES + s); }
  __device__ __forceinline__ uint32_t partialFull(int s) const { return base + 16 + 8 * (2 * S::STAGES + s); }
  __device__ __forceinline__ uint32_t partialEmpty(int s) const { return base + 16 + 8 * (2 * S::STAGES + S::PARTIALS + s); }
};

// Consumers and the summing warp.
template <class S>
__device__ __forceinline__ void meet() {
  named_sync(1, 128 * S::WARPGROUPS + 32);
}

template <class S>
__device__ __forceinline__ void produce(const CUtensorMap& mapQ, const CUtensorMap& mapK, const SelectArguments& a, uint32_t smem,
                                        const SelectBarriers<S>& bars, volatile int* info) {
  const int groups = (a.keys + S::ROWS - 1) / S::ROWS, total = a.heads * groups;
  const int tiles = (a.keys + S::KEYS - 1) / S::KEYS, generationTile = a.generationBlock / S::PARTS;
  Ring<S::STAGES> ring;
  uint32_t queryParity = 0;
  int tile = blockIdx.x;
  while (true) {
    barrier_wait(bars.queryEmpty(), queryParity ^ 1);
    queryParity ^= 1;
    *info = tile < total ? tile : -1;
    if (tile >= total) {
      barrier_arrive(bars.queryFull());
      return;
    }
    // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
    const int pulled = atomicAdd(a.counter, 1);
    const int head = tile / groups, firstRow = (tile - head * groups) * S::ROWS;
    barrier_expect(bars.queryFull(), S::QUERY_BYTES);
#pragma unroll
    for (int i = 0; i < S::WARPGROUPS * S::CHUNKS; ++i) {
      tensor_load(mapQ, smem + i * 8192, bars.queryFull(), head * S::DIM + i % S::CHUNKS * 64, firstRow + i / S::CHUNKS * 64);
    }
    const int column = head / a.group * S::DIM;
    for (int i = 0; i < 2 * tiles - generationTile; ++i) {
      barrier_wait(bars.empty(ring.stage), ring.parity ^ 1);
      barrier_expect(bars.full(ring.stage), S::TILE_BYTES);
#pragma unroll
      for (int c = 0; c < S::CHUNKS; ++c) {
        tensor_load(mapK, smem + S::KEYS_AT + ring.stage * S::TILE_BYTES + c * S::KEYS * 128, bars.full(ring.stage), column + c * 64,
                    (i < tiles ? i : i - tiles + generationTile) * S::KEYS);
      }
      ring.advance();
    }
    if (pulled == total - 1) *a.counter = 0;
    tile = pulled + gridDim.x;
  }
}

struct Running {
  float max, sum;
  __device__ __forceinline__ void join(float otherMax, float otherSum) {
    const float m = fmaxf(max, otherMax);
    if (m == NEGATIVE_INFINITY) return;
    sum = sum * exp2_approx(max - m) + otherSum * exp2_approx(otherMax - m);
    max = m;
  }
};

template <class S>
__device__ __forceinline__ void scores(float (&s)[S::KEYS / 2], const uint32_t* resident, uint64_t q, uint64_t k) {
#pragma unroll
  for (int i = 0; i < S::DIM / 16; ++i) {
    const uint64_t dq = q + ((i / 4) * 8192 + (i % 4) * 32) / 16;
    const uint64_t dk = k + ((i / 4) * S::KEYS * 128 + (i % 4) * 32) / 16;
    if (i == 0 && S::RESIDENT > 0) {
      wgmma_rs<0, 0>(s, resident, dk);
    } else if (i < S::RESIDENT) {
      wgmma_rs<1, 0>(s, resident + 4 * i, dk);
    } else if (i == 0) {
      wgmma_ss<0>(s, dq, dk);
    } else {
      wgmma_ss<1>(s, dq, dk);
    }
  }
}

// One tile of scores: block sums of exp2(c s - offset), and in the first pass the running log-sum-exp over generation keys.
template <class S>
__device__ __forceinline__ void digest(float (&s)[S::KEYS / 2], const SelectArguments& a, int tile, bool first, float offset0,
                                       float offset1, Running& row0, Running& row1, float* partial) {
  constexpr int PART = S::BLOCK / 2;
  const int lane = threadIdx.x % 32, limit = a.keys - tile * S::KEYS;
  const float c = a.scaleLog2;
  if (limit < S::KEYS) {
    const int column = lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < S::KEYS / 2; ++i) {
      if (i / 4 * 8 + column + i % 2 >= limit) s[i] = NEGATIVE_INFINITY;
    }
  }
  if (first && (tile + 1) * S::PARTS > a.generationBlock) {
#pragma unroll
    for (int b = 0; b < S::PARTS; ++b) {
      if (tile * S::PARTS + b >= a.generationBlock) {
        float m0 = NEGATIVE_INFINITY, m1 = NEGATIVE_INFINITY, x0 = 0.0f, x1 = 0.0f;
#pragma unroll
        for (int i = b * PART; i < (b + 1) * PART; i += 4) {
          m0 = fmaxf(m0, fmaxf(s[i], s[i + 1]));
          m1 = fmaxf(m1, fmaxf(s[i + 2], s[i + 3]));
        }
        const float c0 = m0 == NEGATIVE_INFINITY ? 0.0f : m0 * c, c1 = m1 == NEGATIVE_INFINITY ? 0.0f : m1 * c;
#pragma unroll
        for (int i = b * PART; i < (b + 1) * PART; i += 4) {
          x0 += exp2_approx(fmaf(s[i], c, -c0)) + exp2_approx(fmaf(s[i + 1], c, -c0));
          x1 += exp2_approx(fmaf(s[i + 2], c, -c1)) + exp2_approx(fmaf(s[i + 3], c, -c1));
        }
        row0.join(m0 * c, x0);
        row1.join(m1 * c, x1);
      }
    }
  }
  float x[S::PARTS];
#pragma unroll
  for (int b = 0; b < S::PARTS; ++b) {
    float x0 = 0.0f, x1 = 0.0f, x2 = 0.0f, x3 = 0.0f;
#pragma unroll
    for (int i = b * PART; i < (b + 1) * PART; i += 4) {
      x0 += exp2_approx(fmaf(s[i], c, -offset0));
      x1 += exp2_approx(fmaf(s[i + 1], c, -offset0));
      x2 += exp2_approx(fmaf(s[i + 2], c, -offset1));
      x3 += exp2_approx(fmaf(s[i + 3], c, -offset1));
    }
    x[b] = (x0 + x1) + (x2 + x3);
  }
  const float sum = reduce(x);
  if (lane % (32 / S::PARTS) == 0) partial[lane / (32 / S::PARTS) * S::WARPS] = sum;
}

// Adds the warps' sums up, in a fixed order. One warp, a lane for each (query block, key block of the tile).
template <class S>
__device__ __forceinline__ void add(const SelectArguments& a, char* shared, const SelectBarriers<S>& bars, const volatile int* info) {
  const int lane = threadIdx.x % 32, block = lane / S::PARTS, part = lane % S::PARTS;
  const bool active = block < S::QUERY_BLOCKS;
  const int tiles = (a.keys + S::KEYS - 1) / S::KEYS;
  const float* partials = reinterpret_cast<const float*>(shared + S::PARTIALS_AT) + part * S::WARPS + block * S::WARPS_PER_BLOCK;
  float* sums = reinterpret_cast<float*>(shared + S::SUMS_AT) + block * SELECT_MAX_BLOCKS + part;
  Ring<S::PARTIALS> ring;
  uint32_t queryParity = 0;
  while (true) {
    barrier_wait(bars.queryFull(), queryParity);
    queryParity ^= 1;
    if (*info < 0) return;
#pragma unroll 1
    for (int pass = 0; pass < 2; ++pass) {
#pragma unroll 1
      for (int tile = pass == 0 ? 0 : a.generationBlock / S::PARTS; tile < tiles; ++tile) {
        barrier_wait(bars.partialFull(ring.stage), ring.parity);
        if (active) {
          const float* from = partials + ring.stage * S::PARTS * S::WARPS;
          float x = 0.0f;
#pragma unroll
          for (int w = 0; w < S::WARPS_PER_BLOCK; ++w) x += from[w];
          sums[tile * S::PARTS] = x;
        }
        __syncwarp();
        if (lane == 0) barrier_arrive(bars.partialEmpty(ring.stage));
        ring.advance();
      }
      meet<S>();  // the sums are complete
      meet<S>();  // and have been read
    }
    if (lane == 0) barrier_arrive(bars.queryEmpty());
  }
}

template <class S>
__device__ __forceinline__ void consume(const SelectArguments& a, char* shared, uint32_t smem, const SelectBarriers<S>& bars,
                                        const volatile int* info, int warpgroup) {
  const int lane = threadIdx.x % 32, warp = __shfl_sync(0xFFFFFFFF, threadIdx.x / 32 - 4, 0);
  const bool signals = lane == 0, chooses = warp < S::QUERY_BLOCKS;
  const uint64_t query = descriptor(smem + warpgroup * S::CHUNKS * 8192, 0), keys = descriptor(smem + S::KEYS_AT, 0);
  const float* sums = reinterpret_cast<const float*>(shared + S::SUMS_AT) + warp * SELECT_MAX_BLOCKS;
  float* partials = reinterpret_cast<float*>(shared + S::PARTIALS_AT) + warp;
  const int groups = (a.keys + S::ROWS - 1) / S::ROWS, tiles = (a.keys + S::KEYS - 1) / S::KEYS;
  Ring<S::STAGES> ring;
  Ring<S::PARTIALS> partialRing;
  uint32_t queryParity = 0;
  float s[S::KEYS / 2];
  uint32_t q[S::RESIDENT * 4 + 1];
  while (true) {
    barrier_wait(bars.queryFull(), queryParity);
    queryParity ^= 1;
    const int unit = *info;
    if (unit < 0) break;
    if (S::RESIDENT > 0) {
      const int r = threadIdx.x / 32 % 4 * 16 + lane % 16;
      const uint32_t from = smem + warpgroup * S::CHUNKS * 8192 + r * 128;
#pragma unroll
      for (int i = 0; i < S::RESIDENT; ++i) {
        load_matrices(q + 4 * i, from + i / 4 * 8192 + ((i % 4 * 2 + lane / 16) ^ (r % 8)) * 16);
      }
    }
    const int head = unit / groups, firstRow = (unit - head * groups) * S::ROWS, row = firstRow + warp * 16 + lane / 4;
    // a row beyond the end contributes exp2(-inf) = 0
    float offset0 = -NEGATIVE_INFINITY, offset1 = -NEGATIVE_INFINITY;
    if (row < a.keys) offset0 = LOG2E * a.lse[static_cast<size_t>(row) * a.heads + head];
    if (row + 8 < a.keys) offset1 = LOG2E * a.lse[static_cast<size_t>(row + 8) * a.heads + head];
    Running row0{NEGATIVE_INFINITY, 0.0f}, row1{NEGATIVE_INFINITY, 0.0f};
    uint32_t chosen[2] = {0, 0};
#pragma unroll 1
    for (int pass = 0; pass < 2; ++pass) {
#pragma unroll 1
      for (int tile = pass == 0 ? 0 : a.generationBlock / S::PARTS; tile < tiles; ++tile) {
        barrier_wait(bars.full(ring.stage), ring.parity);
        wgmma_fence();
        scores<S>(s, q, query, keys + ring.stage * (S::TILE_BYTES / 16));
        wgmma_commit();
        wgmma_wait<0>();
        pin(s);
        if (signals) barrier_arrive(bars.empty(ring.stage));
        ring.advance();
        barrier_wait(bars.partialEmpty(partialRing.stage), partialRing.parity ^ 1);
        digest<S>(s, a, tile, pass == 0, offset0, offset1, row0, row1, partials + partialRing.stage * S::PARTS * S::WARPS);
        __syncwarp();
        if (signals) barrier_arrive(bars.partialFull(partialRing.stage));
        partialRing.advance();
      }
      meet<S>();  // the sums are complete
      if (chooses) {
        uint32_t words[2];
        const int first = pass == 0 ? 0 : a.generationBlock;
        largest(sums, first, a.blocks, pass == 0 ? a.promptCount : a.generationCount, words);
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const int from = (lane + 32 * i) * 32, kept = min(max(a.generationBlock - from, 0), 32);
          const uint32_t prompt = kept == 32 ? 0xFFFFFFFF : (1u << kept) - 1;
          chosen[i] |= pass == 0 ? words[i] & prompt : words[i];
        }
      }
      if (pass == 0) {
#pragma unroll
        for (int width = 1; width < 4; width *= 2) {
          row0.join(__shfl_xor_sync(0xFFFFFFFF, row0.max, width), __shfl_xor_sync(0xFFFFFFFF, row0.sum, width));
          row1.join(__shfl_xor_sync(0xFFFFFFFF, row1.max, width), __shfl_xor_sync(0xFFFFFFFF, row1.sum, width));
        }
        if (row < a.keys) offset0 = row0.max + __log2f(row0.sum);
        if (row + 8 < a.keys) offset1 = row1.max + __log2f(row1.sum);
      }
      meet<S>();  // and have been read
    }
    if (signals) barrier_arrive(bars.queryEmpty());
    const int block = firstRow / S::BLOCK + warp, width = (a.blocks + 63) / 64 * 2;
    if (chooses && block < a.blocks) {
      uint32_t* out = a.words + (static_cast<size_t>(head) * a.blocks + block) * width;
      if (lane < width) out[lane] = chosen[0];
      if (lane + 32 < width) out[lane + 32] = chosen[1];
    }
  }
}

template <class S>
__device__ __forceinline__ void select(const CUtensorMap& mapQ, const CUtensorMap& mapK, const SelectArguments& a) {
  extern __shared__ char raw[];
  const uint32_t unaligned = shared_address(raw), smem = (unaligned + 1023) & ~1023u;
  char* shared = raw + (smem - unaligned);
  int* info = reinterpret_cast<int*>(shared + S::INFO_AT);
  const SelectBarriers<S> bars{smem + S::BARRIERS_AT};
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    barrier_init(bars.queryFull(), 1);
    barrier_init(bars.queryEmpty(), S::WARPS + 1);
    for (int i = 0; i < S::PARTIALS; ++i) {
      barrier_init(bars.partialFull(i), S::WARPS);
      barrier_init(bars.partialEmpty(i), 1);
    }
    for (int i = 0; i < S::STAGES; ++i) {
      barrier_init(bars.full(i), 1);
      barrier_init(bars.empty(i), S::WARPS);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<24>();
    if (threadIdx.x == 0) produce<S>(mapQ, mapK, a, smem, bars, info);
    if (threadIdx.x / 32 == 1) add<S>(a, shared, bars, info);
  } else {
    registers_raise<112>();
    consume<S>(a, shared, smem, bars, info, warpgroup - 1);
  }
}

}  // namespace hopper

#define HOPPER_SELECT(NAME, ...)                                                                                            \
  extern "C" __global__ void __launch_bounds__(640, 1)                                                                      \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK, const float* lse, int keys,  \
           int heads, int kvHeads, float scale, int generationBlock, int promptCount, int generationCount,                  \
           unsigned long long* words, int* counter) {                                                                       \
    using S = hopper::SelectShape<__VA_ARGS__>;                                                                             \
    const hopper::SelectArguments a{lse, keys, heads, heads / kvHeads, scale * hopper::LOG2E, generationBlock, promptCount, \
                                    generationCount, (keys + S::BLOCK - 1) / S::BLOCK, reinterpret_cast<uint32_t*>(words), counter}; \
    hopper::select<S>(mapQ, mapK, a);                                                                                       \
  }

//                                   D   block stages resident
#ifndef HOPPER_VARIANTS
HOPPER_SELECT(hopper_select_d128_b128, 128, 128, 4, 2)
HOPPER_SELECT(hopper_select_d128_b64, 128, 64, 4, 2)
HOPPER_SELECT(hopper_select_d128_b32, 128, 32, 3, 2)
HOPPER_SELECT(hopper_select_d64_b128, 64, 128, 4, 2)
HOPPER_SELECT(hopper_select_d64_b64, 64, 64, 4, 2)
HOPPER_SELECT(hopper_select_d64_b32, 64, 32, 3, 2)
#else
#include HOPPER_VARIANTS
#endif
