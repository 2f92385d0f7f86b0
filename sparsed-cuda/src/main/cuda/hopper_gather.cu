// Block-sparse attention for Hopper with B = 64 and 32: the loop of hopper_flash.cuh over 128 rows x 128 keys, gathered.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_gather.cu
//
// A tensor-core instruction wants 64 query rows, and a softmax of 128 keys at a time hides best. So a CTA takes 128 / B
// neighbouring query tiles, and 128 / B key blocks of the union of their lists make a tile of keys; what a query tile of them does
// not keep is masked, a whole block at a time. Blocks that all keep come first. Lists of neighbours are mostly alike.
//
// Kernels          hopper_sparse_d128_b64   hopper_sparse_d128_b32   hopper_sparse_d64_b64   hopper_sparse_d64_b32
// query tiles/CTA  2                        4                        2                       4
// dynamic shared   182244                   182820                   165932                  166508 bytes
// block            384 threads. registers: 168 at entry; consumers 224, producer 56. No spills.
// grid             min(multiprocessors, heads * ceil(T / query tiles per CTA)). One CTA a multiprocessor.
// Parameters as the sparse kernels of hopper_attention.cu; box rows are B for all three tensor maps (Q too). n <= 2048.
#include "hopper_flash.cuh"

namespace hopper {

constexpr int MAX_BLOCKS = 2048;

// The key tiles of a CTA's query tiles.
template <int TILES>
struct UnionList {
  int head, count, limit;  // `limit` keys of the first block are valid
  int firstRow[TILES], rows[TILES];
  uint32_t entry[MAX_BLOCKS + TILES];  // block, and from bit 16 the query tiles that keep it; filled up with blocks past the end
};

template <int DIM, int BLOCK_, int STAGES>
struct GatherShape : Shape<DIM, 128, STAGES, 2, 128 / BLOCK_> {
  using Base = Shape<DIM, 128, STAGES, 2, 128 / BLOCK_>;
  static constexpr int BLOCK = BLOCK_, TILES = 128 / BLOCK;  // query tiles, and blocks of a key tile
  static constexpr int LIST_BARRIERS_AT = Base::END;
  static constexpr int MARKS_AT = LIST_BARRIERS_AT + RingBarriers<2>::BYTES;  // uint32 [STAGES]: bit TILES * block + query tile: kept
  static constexpr int BUILD_AT = MARKS_AT + 4 * STAGES;                      // int pulled; uint32 presence [TILES][64], counts [64]
  static constexpr int LISTS_AT = BUILD_AT + 4 + (TILES + 1) * (MAX_BLOCKS / 32) * 4;  // UnionList [2]
  static constexpr int END = LISTS_AT + 2 * static_cast<int>(sizeof(UnionList<TILES>));
};

struct GatherArguments {
  Output output;
  int rows, keys, group;
  float scaleLog2;
  const uint16_t* kept;
  const int* keptCount;
  int blocks;
  const int4* tiles;
  int tileCount;
  int* counter;
};

// Shared memory of the producers.
template <class S>
struct Lists {
  RingBarriers<2> bars;
  volatile uint32_t* marks;
  volatile int* pulled;
  uint32_t *presence, *counts;
  UnionList<S::TILES>* lists;

  __device__ __forceinline__ Lists(char* shared, uint32_t base)
      : bars{base + S::LIST_BARRIERS_AT},
        marks(reinterpret_cast<uint32_t*>(shared + S::MARKS_AT)),
        pulled(reinterpret_cast<int*>(shared + S::BUILD_AT)),
        presence(reinterpret_cast<uint32_t*>(shared + S::BUILD_AT + 4)),
        counts(presence + S::TILES * (MAX_BLOCKS / 32)),
        lists(reinterpret_cast<UnionList<S::TILES>*>(shared + S::LISTS_AT)) {}
};

constexpr int BUILDERS = 64;  // threads; one for each word of presence bits
static_assert(BUILDERS * 32 == MAX_BLOCKS, "a word for each builder");

__device__ __forceinline__ void builders_sync() { named_sync(2, BUILDERS); }

// Lists the union of the blocks that the CTA's query tiles keep, those that all keep first.
template <class S>
__device__ __forceinline__ void unite(const GatherArguments& a, const Lists<S>& l, UnionList<S::TILES>* list, int unit, int groups) {
  constexpr int TILES = S::TILES;
  const int thread = threadIdx.x % BUILDERS, head = unit / groups, firstTile = (unit - head * groups) * TILES;
  const int present = min(TILES, a.tileCount - firstTile);
  int row[TILES], count[TILES];  // of the kept lists
#pragma unroll
  for (int t = 0; t < TILES; ++t) {
    l.presence[t * BUILDERS + thread] = 0;
    // a query tile past the end: no rows, no blocks
    const int4 tile = t < present ? a.tiles[firstTile + t] : make_int4(a.rows, 0, 0, 0);
    row[t] = head * a.blocks + tile.z;
    count[t] = t < present ? a.keptCount[row[t]] : 0;
    if (thread == t) {
      list->firstRow[t] = tile.x;
      list->rows[t] = tile.y;
    }
  }
  builders_sync();
#pragma unroll
  for (int t = 0; t < TILES; ++t) {
    const uint16_t* kept = a.kept + static_cast<size_t>(row[t]) * a.blocks;
#pragma unroll 4
    for (int i = thread; i < count[t]; i += BUILDERS) {
      const int block = kept[i];
      atomicOr(&l.presence[t * BUILDERS + block / 32], 1u << (block % 32));
    }
  }
  builders_sync();
  uint32_t any = 0, all = 0xFFFFFFFF;
#pragma unroll
  for (int t = 0; t < TILES; ++t) {
    const uint32_t word = l.presence[t * BUILDERS + thread];
    any |= word;
    if (t < present) all &= word;
  }
  // A ragged last block is the first of all: nothing else has to be masked by columns.
  const int lastKeys = a.keys - (a.blocks - 1) * S::BLOCK;
  uint32_t first = all;
  if (thread == (a.blocks - 1) / 32 && lastKeys < S::BLOCK) first |= any & (1u << ((a.blocks - 1) % 32));
  uint32_t rest = any & ~first;
  l.counts[thread] = __popc(first) | __popc(rest) << 16;
  builders_sync();
  uint32_t total = 0, before = 0;
#pragma unroll 8
  for (int w = 0; w < BUILDERS; ++w) {
    const uint32_t x = l.counts[w];
    total += x;
    if (w > thread) before += x;
  }
  const int firsts = total & 0xFFFF, entries = firsts + static_cast<int>(total >> 16);
  if (thread < TILES) list->entry[entries + thread] = a.blocks;  // past the end: zeros, kept by none
  if (thread == (a.blocks - 1) / 32) {
    list->limit = lastKeys < S::BLOCK && any >> ((a.blocks - 1) % 32) & 1 ? lastKeys : S::BLOCK;
    list->head = head;
    list->count = (entries + TILES - 1) / TILES;
  }
  int at = before & 0xFFFF;
#pragma unroll 1
  for (int pass = 0; pass < 2; ++pass) {
    uint32_t word = pass == 0 ? first : rest;
    while (word != 0) {
      const int bit = 31 - __clz(word);
      word &= ~(1u << bit);
      uint32_t entry = thread * 32 + bit;
#pragma unroll
      for (int t = 0; t < TILES; ++t) entry |= (l.presence[t * BUILDERS + thread] >> bit & 1) << (16 + t);
      list->entry[at++] = entry;
    }
    at = firsts + (before >> 16);
  }
}

// Two warps that make a list while the last one is being loaded.
template <class S>
__device__ __forceinline__ void build(const GatherArguments& a, const Lists<S>& l) {
  const int groups = (a.tileCount + S::TILES - 1) / S::TILES, total = a.output.heads * groups;
  const bool leads = threadIdx.x % BUILDERS == 0;
  Ring<2> at;
  int unit = blockIdx.x;
  while (true) {
    l.bars.awaitEmpty(at);
    if (unit < total) {
      unite(a, l, l.lists + at.stage, unit, groups);
    } else if (leads) {
      l.lists[at.stage].count = 0;
    }
    if (leads && unit < total) {
      // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
      const int pulled = atomicAdd(a.counter, 1);
      if (pulled == total - 1) *a.counter = 0;
      *l.pulled = pulled;
    }
    builders_sync();
    if (leads) barrier_arrive(l.bars.full(at.stage));
    if (unit >= total) return;
    unit = *l.pulled + gridDim.x;
    at.advance();
  }
}

// One thread for Q and K (VALUES: for V): the tiles of one list after the other.
template <class S, bool VALUES>
__device__ __forceinline__ void load(const CUtensorMap& mapQ, const CUtensorMap& map, const GatherArguments& a,
                                     const Pipeline<S>& pipeline, const Lists<S>& l) {
  const RingBarriers<S::STAGES>& bars = VALUES ? pipeline.values : pipeline.keys;
  Ring<S::STAGES> ring;
  Ring<1> ringQ;
  Ring<2> at;
  while (true) {
    l.bars.awaitFull(at);
    const UnionList<S::TILES>* list = l.lists + at.stage;
    const int head = list->head, count = list->count, column = head / a.group * S::DIM;
    if (!VALUES) {
      pipeline.query.awaitEmpty(ringQ);
      ringQ.advance();
      pipeline.tile->count = count;
      if (count == 0) {
        barrier_arrive(pipeline.query.full(0));
      } else {
        pipeline.tile->head = head;
        pipeline.tile->limit = list->limit;
        barrier_expect(pipeline.query.full(0), S::QUERY_BYTES);
#pragma unroll 1
        for (int t = 0; t < S::TILES; ++t) {
          const int row = list->firstRow[t], from = t * S::BLOCK;
          pipeline.tile->firstRow[t] = row;
          pipeline.tile->rows[t] = list->rows[t];
#pragma unroll
          for (int c = 0; c < S::CHUNKS; ++c) {
            tensor_load(mapQ, pipeline.smem + ((from / 64 * S::CHUNKS + c) * 64 + from % 64) * 128, pipeline.query.full(0),
                        head * S::DIM + c * 64, row);
          }
        }
      }
    }
    if (count == 0) return;
#pragma unroll 1
    for (int i = 0; i < count; ++i) {
      int row[S::TILES];
      uint32_t mark = 0;
#pragma unroll
      for (int e = 0; e < S::TILES; ++e) {
        const uint32_t entry = list->entry[i * S::TILES + e];
        row[e] = (entry & 0xFFFF) * S::BLOCK;
        mark |= entry >> 16 << (S::TILES * e);
      }
      bars.awaitEmpty(ring);
      if (!VALUES) l.marks[ring.stage] = mark;
      barrier_expect(bars.full(ring.stage), S::TILE_BYTES);
      const uint32_t tile = pipeline.smem + (VALUES ? S::VALUES_AT : S::KEYS_AT) + ring.stage * S::TILE_BYTES;
#pragma unroll
      for (int e = 0; e < S::TILES; ++e) {
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          tensor_load(map, tile + (c * S::KEYS + e * S::BLOCK) * 128, bars.full(ring.stage), column + c * 64, row[e]);
        }
      }
      ring.advance();
    }
    barrier_arrive(l.bars.empty(at.stage));
    at.advance();
  }
}

// Masks the blocks of a tile that the warp's query tile does not keep.
template <class S>
struct Unkept : Plain {
  static constexpr bool GUARDED = true;
  const volatile uint32_t* marks;
  int own;  // the warp's query tile

  __device__ __forceinline__ uint32_t mark(int stage) { return __shfl_sync(0xFFFFFFFF, marks[stage], 0) >> own; }

  template <int N>
  __device__ __forceinline__ void first(float (&s)[N], uint32_t mark, int limit) {
    if (limit < S::BLOCK) mask<S::BLOCK / 2>(s, limit);
    drop(s, mark);
  }

  template <int N, class Softmax>
  __device__ __forceinline__ void next(float (&s)[N], uint32_t mark, int, const Softmax&) {
    drop(s, mark);
  }

  template <int N>
  __device__ __forceinline__ void drop(float (&s)[N], uint32_t mark) {
    constexpr int PART = N / S::TILES;
#pragma unroll
    for (int e = 0; e < S::TILES; ++e) {
      if (!(mark >> (e * S::TILES) & 1)) {
#pragma unroll
        for (int i = 0; i < PART; ++i) s[e * PART + i] = NEGATIVE_INFINITY;
      }
    }
  }
};

template <class S>
__device__ __forceinline__ void gather(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                       const GatherArguments& a) {
  uint32_t base;
  char* shared = aligned_shared(base);
  const Pipeline<S> pipeline(shared, base);
  const Lists<S> lists(shared, base);
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    tensor_prefetch(mapQ);
    tensor_prefetch(mapK);
    tensor_prefetch(mapV);
    lists.bars.initialise(1, 2);
    pipeline.initialise();
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<56>();
    if (threadIdx.x >= 64) {
      build(a, lists);
    } else if (threadIdx.x == 0) {
      load<S, false>(mapQ, mapK, a, pipeline, lists);
    } else if (threadIdx.x == 32) {
      load<S, true>(mapQ, mapV, a, pipeline, lists);
    }
  } else {
    registers_raise<224>();
    Unkept<S> hooks{{}, lists.marks, static_cast<int>((threadIdx.x / 32 - 4) * 16 / S::BLOCK)};
    consume(pipeline, a.output, a.scaleLog2, warpgroup - 1, hooks);
  }
}

}  // namespace hopper

#define HOPPER_GATHER(NAME, ...)                                                                                        \
  extern "C" __global__ void __launch_bounds__(384, 1)                                                                  \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                          \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,    \
           int kvHeads, int ldo, float scale, const unsigned short* kept, const int* keptCount, int blocks,             \
           const int4* tiles, int tileCount, int* counter) {                                                            \
    const hopper::GatherArguments a{{out, lse, ldo, heads}, rows,      keys,   heads / kvHeads, scale * hopper::LOG2E,  \
                                    kept,                   keptCount, blocks, tiles,           tileCount, counter};    \
    hopper::gather<hopper::GatherShape<__VA_ARGS__>>(mapQ, mapK, mapV, a);                                              \
  }

//                                      D   block stages
#ifndef HOPPER_VARIANTS
HOPPER_GATHER(hopper_sparse_d128_b64, 128, 64, 2)
HOPPER_GATHER(hopper_sparse_d128_b32, 128, 32, 2)
HOPPER_GATHER(hopper_sparse_d64_b64, 64, 64, 4)
HOPPER_GATHER(hopper_sparse_d64_b32, 64, 32, 4)
#else
#include HOPPER_VARIANTS
#endif
