// Dense and block-sparse (B = 128) bidirectional attention for Hopper: wgmma, tensor-map loads, warp specialisation.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_attention.cu
//
// kernel                       threads  query rows  K, V box rows  dynamic shared  registers at entry, consumers, producer
// hopper_dense_d128            512      192         80             214192          128, 160, 32
// hopper_dense_d128_rows128    384      128         160            197744          168, 240, 24
// hopper_dense_d64             512      192         128            124048          128, 160, 32
// hopper_sparse_d128_b128      384      128         128            164976          168, 232, 40
// hopper_sparse_d64_b128       384      128         128            148656          168, 232, 40
// hopper_dense_d128_rows128 is for few query rows: it wins where its last wave of CTAs is the fuller one (N = 4096).
// No spills. Grid: min(multiprocessors, heads * query tiles), query tiles = ceil(R / query rows), sparse: T.
//
// Parameters (each __global__): mapQ, mapK, mapV: CUtensorMap by value (128 bytes, 64-byte aligned), made by
// cuTensorMapEncodeTiled(type BFLOAT16, rank 2, base, globalDim {heads*D, rows}, globalStrides {ld*2} in bytes,
// boxDim {64, box rows}, elementStrides {1, 1}, INTERLEAVE_NONE, SWIZZLE_128B, L2_PROMOTION_128B, OOB_FILL_NONE); box rows of
// Q are 64. globalDim[1] is R for Q and N for K and V: rows beyond must not be read. Base 16-byte aligned, ld a multiple of 8.
//   out     bf16 [R, Hq*D], row stride ldo elements
//   lse     f32 [R, Hq] or null: ln(sum exp(scale * q.k))
//   rows R, keys N, heads Hq, kvHeads Hkv (divides Hq), ldo, scale > 0
//   sparse: kept uint16 [Hq][n][n], keptCount int32 [Hq][n] >= 1, blocks n, tiles int32 [T][4] = {first row, row count (1..B),
//           query block, 0}, tileCount T
//   counter int32 [1], zero before the first launch; every launch leaves it zero. Launches that may overlap need their own.
#include "hopper_softmax.cuh"

namespace hopper {

// Compile-time shape of one kernel. KEYS: keys of a tile, and rows of a K or V box.
template <int DIM_, int KEYS_, int STAGES_, int WARPGROUPS_, bool SPARSE_>
struct Shape {
  static constexpr int DIM = DIM_, KEYS = KEYS_, STAGES = STAGES_, WARPGROUPS = WARPGROUPS_;
  static constexpr bool SPARSE = SPARSE_;
  static constexpr int ROWS = 64 * WARPGROUPS;
  static constexpr int CHUNKS = DIM / 64;                 // 128-byte wide boxes of a row
  static constexpr int QUERY_BYTES = ROWS * DIM * 2;      // [warpgroup][chunk][64][64]
  static constexpr int TILE_BYTES = KEYS * DIM * 2;       // [chunk][KEYS][64]
  static constexpr int KEYS_AT = QUERY_BYTES;
  static constexpr int VALUES_AT = KEYS_AT + STAGES * TILE_BYTES;
  static constexpr int BARRIERS_AT = VALUES_AT + STAGES * TILE_BYTES;
  static constexpr int INFO_AT = BARRIERS_AT + 8 * (2 + 4 * STAGES);
};

// What the producer tells the consumers about a query tile, written before the Q barrier.
struct TileInfo {
  int head, firstRow, rows, count, limit;
};

struct Arguments {
  bf16_bits* out;
  float* lse;
  int rows, keys, heads, group, ldo;
  float scaleLog2;
  const uint16_t* kept;
  const int* keptCount;
  const int4* tiles;
  int blocks, tileCount;
  int* counter;
};

template <class S>
struct Barriers {
  uint32_t base;
  __device__ __forceinline__ uint32_t queryFull() const { return base; }
  __device__ __forceinline__ uint32_t queryEmpty() const { return base + 8; }
  __device__ __forceinline__ uint32_t keysFull(int s) const { return base + 16 + 8 * s; }
  __device__ __forceinline__ uint32_t keysEmpty(int s) const { return base + 16 + 8 * (S::STAGES + s); }
  __device__ __forceinline__ uint32_t valuesFull(int s) const { return base + 16 + 8 * (2 * S::STAGES + s); }
  __device__ __forceinline__ uint32_t valuesEmpty(int s) const { return base + 16 + 8 * (3 * S::STAGES + s); }
};

template <class S>
__device__ __forceinline__ void produce(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                        const Arguments& a, uint32_t smem, const Barriers<S>& bars, volatile TileInfo* info) {
  const int total = a.heads * a.tileCount;
  Ring<S::STAGES> ringK, ringV;
  uint32_t queryParity = 0;
  int tile = blockIdx.x;
  while (true) {
    barrier_wait(bars.queryEmpty(), queryParity ^ 1);
    queryParity ^= 1;
    if (tile >= total) {
      info->count = 0;
      barrier_arrive(bars.queryFull());
      return;
    }
    // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
    const int pulled = atomicAdd(a.counter, 1);
    const int head = tile / a.tileCount, index = tile - head * a.tileCount;
    const int kvColumn = head / a.group * S::DIM;
    int firstRow, rows, count, limit;
    const uint16_t* list = nullptr;
    if (S::SPARSE) {
      const int4 t = a.tiles[index];
      const size_t row = static_cast<size_t>(head) * a.blocks + t.z;
      firstRow = t.x;
      rows = t.y;
      list = a.kept + row * a.blocks;
      count = a.keptCount[row];
      limit = min(S::KEYS, a.keys - list[count - 1] * S::KEYS);
    } else {
      firstRow = index * S::ROWS;
      rows = min(S::ROWS, a.rows - firstRow);
      count = (a.keys + S::KEYS - 1) / S::KEYS;
      limit = a.keys - (count - 1) * S::KEYS;
    }
    info->head = head;
    info->firstRow = firstRow;
    info->rows = rows;
    info->count = count;
    info->limit = limit;
    barrier_expect(bars.queryFull(), S::QUERY_BYTES);
#pragma unroll
    for (int w = 0; w < S::WARPGROUPS; ++w) {
#pragma unroll
      for (int c = 0; c < S::CHUNKS; ++c) {
        tensor_load(mapQ, smem + (w * S::CHUNKS + c) * 8192, bars.queryFull(), head * S::DIM + c * 64, firstRow + w * 64);
      }
    }
    // Tiles run from the last to the first, so that only the first one met can be ragged. V of a tile is asked for
    // after K of the next: that is the order of use.
    int block = S::SPARSE ? list[count - 1] : count - 1;
    int blockV = 0;
    for (int i = 0; i <= count; ++i) {
      const int ahead = S::SPARSE ? (i + 2 <= count ? list[count - 2 - i] : 0) : block - 1;
      if (i < count) {
        barrier_wait(bars.keysEmpty(ringK.stage), ringK.parity ^ 1);
        barrier_expect(bars.keysFull(ringK.stage), S::TILE_BYTES);
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          tensor_load(mapK, smem + S::KEYS_AT + ringK.stage * S::TILE_BYTES + c * S::KEYS * 128, bars.keysFull(ringK.stage),
                      kvColumn + c * 64, block * S::KEYS);
        }
        ringK.advance();
      }
      if (i > 0) {
        barrier_wait(bars.valuesEmpty(ringV.stage), ringV.parity ^ 1);
        barrier_expect(bars.valuesFull(ringV.stage), S::TILE_BYTES);
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          tensor_load(mapV, smem + S::VALUES_AT + ringV.stage * S::TILE_BYTES + c * S::KEYS * 128, bars.valuesFull(ringV.stage),
                      kvColumn + c * 64, blockV * S::KEYS);
        }
        ringV.advance();
      }
      blockV = block;
      block = ahead;
    }
    if (pulled == total - 1) *a.counter = 0;
    tile = pulled + gridDim.x;
  }
}

template <class S>
__device__ __forceinline__ void scores(float (&s)[S::KEYS / 2], uint64_t q, uint64_t k) {
#pragma unroll
  for (int i = 0; i < S::DIM / 16; ++i) {
    const uint64_t dq = q + ((i / 4) * 8192 + (i % 4) * 32) / 16;
    const uint64_t dk = k + ((i / 4) * S::KEYS * 128 + (i % 4) * 32) / 16;
    if (i == 0) {
      wgmma_ss<0>(s, dq, dk);
    } else {
      wgmma_ss<1>(s, dq, dk);
    }
  }
  wgmma_commit();
}

template <class S>
__device__ __forceinline__ void accumulate(float (&o)[S::DIM / 2], const uint32_t (&p)[S::KEYS / 4], uint64_t v) {
#pragma unroll
  for (int i = 0; i < S::KEYS / 16; ++i) wgmma_rs<1, 1>(o, p + 4 * i, v + i * 2048 / 16);
  wgmma_commit();
}

template <class S>
__device__ __forceinline__ void consume(const Arguments& a, uint32_t smem, const Barriers<S>& bars, const volatile TileInfo* info,
                                        int warpgroup) {
  constexpr int N = S::KEYS / 2;
  const bool signals = threadIdx.x % 32 == 0;
  const float c = a.scaleLog2;
  const uint64_t query = descriptor(smem + warpgroup * S::CHUNKS * 8192, 0);
  const uint64_t keys = descriptor(smem + S::KEYS_AT, 0);
  const uint64_t values = descriptor(smem + S::VALUES_AT, S::KEYS * 128);
  Ring<S::STAGES> ringK, ringV;
  uint32_t queryParity = 0;
  float s[N], o[S::DIM / 2];
  uint32_t p[N / 2];
  RowSoftmax<N> soft;
  while (true) {
    barrier_wait(bars.queryFull(), queryParity);
    queryParity ^= 1;
    const int count = info->count, limit = info->limit;
    if (count == 0) break;

    barrier_wait(bars.keysFull(ringK.stage), ringK.parity);
    wgmma_fence();
    scores<S>(s, query, keys + ringK.stage * (S::TILE_BYTES / 16));
    wgmma_wait<0>();
    pin(s);
    if (signals) barrier_arrive(bars.keysEmpty(ringK.stage));
    ringK.advance();
    if (limit < S::KEYS) {
      const int column = threadIdx.x % 4 * 2;
#pragma unroll
      for (int i = 0; i < N; ++i) {
        if (i / 4 * 8 + column + i % 2 >= limit) s[i] = NEGATIVE_INFINITY;
      }
    }
    soft.first(s, c);
    pack(p, s);
#pragma unroll
    for (int i = 0; i < S::DIM / 2; ++i) o[i] = 0.0f;

#pragma unroll 1
    for (int i = 1; i < count; ++i) {
      barrier_wait(bars.keysFull(ringK.stage), ringK.parity);
      pin(o);
      pin(p);
      wgmma_fence();
      scores<S>(s, query, keys + ringK.stage * (S::TILE_BYTES / 16));
      barrier_wait(bars.valuesFull(ringV.stage), ringV.parity);
      wgmma_fence();
      accumulate<S>(o, p, values + ringV.stage * (S::TILE_BYTES / 16));
      wgmma_wait<1>();
      pin(s);
      if (signals) barrier_arrive(bars.keysEmpty(ringK.stage));
      ringK.advance();
      float f0, f1;
      const bool rescale = soft.template next<false>(s, c, f0, f1);
      wgmma_wait<0>();
      pin(o);
      pin(p);
      if (signals) barrier_arrive(bars.valuesEmpty(ringV.stage));
      ringV.advance();
      if (rescale) {
#pragma unroll
        for (int j = 0; j < S::DIM / 2; j += 4) {
          o[j] *= f0;
          o[j + 1] *= f0;
          o[j + 2] *= f1;
          o[j + 3] *= f1;
        }
      }
      pack(p, s);
    }
    const TileInfo t{info->head, info->firstRow, info->rows, count, limit};
    __syncwarp();  // every lane has read the tile before the producer may overwrite it
    if (signals) barrier_arrive(bars.queryEmpty());
    barrier_wait(bars.valuesFull(ringV.stage), ringV.parity);
    pin(o);
    pin(p);
    wgmma_fence();
    accumulate<S>(o, p, values + ringV.stage * (S::TILE_BYTES / 16));
    wgmma_wait<0>();
    pin(o);
    if (signals) barrier_arrive(bars.valuesEmpty(ringV.stage));
    ringV.advance();
    store<S::DIM>(o, soft, c, a.out, a.ldo, a.lse, a.heads, t.head, t.firstRow, t.rows,
                  warpgroup * 64 + threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4);
  }
}

template <class S>
__device__ __forceinline__ void attention(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                          const Arguments& a) {
  extern __shared__ char raw[];
  const uint32_t unaligned = shared_address(raw), smem = (unaligned + 1023) & ~1023u;
  TileInfo* info = reinterpret_cast<TileInfo*>(raw + (smem - unaligned) + S::INFO_AT);
  const Barriers<S> bars{smem + S::BARRIERS_AT};
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    tensor_prefetch(mapQ);
    tensor_prefetch(mapK);
    tensor_prefetch(mapV);
    constexpr int WARPS = 4 * S::WARPGROUPS;
    barrier_init(bars.queryFull(), 1);
    barrier_init(bars.queryEmpty(), WARPS);
    for (int i = 0; i < S::STAGES; ++i) {
      barrier_init(bars.keysFull(i), 1);
      barrier_init(bars.keysEmpty(i), WARPS);
      barrier_init(bars.valuesFull(i), 1);
      barrier_init(bars.valuesEmpty(i), WARPS);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<S::WARPGROUPS == 2 ? (S::SPARSE ? 40 : 24) : 32>();
    if (threadIdx.x == 0) produce<S>(mapQ, mapK, mapV, a, smem, bars, info);
  } else {
    registers_raise<S::WARPGROUPS == 2 ? (S::SPARSE ? 232 : 240) : 160>();
    consume<S>(a, smem, bars, info, warpgroup - 1);
  }
}

}  // namespace hopper

#define HOPPER_DENSE(NAME, ...)                                                                                        \
  extern "C" __global__ void __launch_bounds__(128 + 128 * hopper::Shape<__VA_ARGS__>::WARPGROUPS, 1)                 \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                         \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,   \
           int kvHeads, int ldo, float scale, int* counter) {                                                          \
    using S = hopper::Shape<__VA_ARGS__>;                                                                              \
    const hopper::Arguments a{out,     lse,     rows,    keys,    heads, heads / kvHeads, ldo, scale * hopper::LOG2E, \
                              nullptr, nullptr, nullptr, 0,       (rows + S::ROWS - 1) / S::ROWS, counter};            \
    hopper::attention<S>(mapQ, mapK, mapV, a);                                                                         \
  }

#define HOPPER_SPARSE(NAME, ...)                                                                                       \
  extern "C" __global__ void __launch_bounds__(128 + 128 * hopper::Shape<__VA_ARGS__>::WARPGROUPS, 1)                 \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                         \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,   \
           int kvHeads, int ldo, float scale, const unsigned short* kept, const int* keptCount, int blocks,            \
           const int4* tiles, int tileCount, int* counter) {                                                           \
    using S = hopper::Shape<__VA_ARGS__>;                                                                              \
    const hopper::Arguments a{out,  lse,       rows,  keys,   heads,     heads / kvHeads, ldo, scale * hopper::LOG2E, \
                              kept, keptCount, tiles, blocks, tileCount, counter};                                     \
    hopper::attention<S>(mapQ, mapK, mapV, a);                                                                         \
  }

//                                     D    keys stages warpgroups sparse
#ifndef HOPPER_VARIANTS
HOPPER_DENSE(hopper_dense_d128, 128, 80, 4, 3, false)
HOPPER_DENSE(hopper_dense_d128_rows128, 128, 160, 2, 2, false)
HOPPER_DENSE(hopper_dense_d64, 64, 128, 3, 3, false)
HOPPER_SPARSE(hopper_sparse_d128_b128, 128, 128, 2, 2, true)
HOPPER_SPARSE(hopper_sparse_d64_b128, 64, 128, 4, 2, true)
#else
#include HOPPER_VARIANTS
#endif
