// Block-sparse attention for Hopper with B = 64 and 32: the loop of hopper_flash.cuh over 128 rows x 128 keys, gathered.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_gather.cu
//
// A tensor-core instruction wants 64 query rows, and a softmax of 128 keys at a time hides best. So a CTA takes 128 / B
// neighbouring query tiles, half of them for each warpgroup, and 128 / B key blocks of the union of their lists make a tile of keys.
// Shared tiles, which both warpgroups take, come first: blocks that both want, those that all query tiles keep before the others.
// Then tiles of blocks that one warpgroup alone wants, in turns; the other passes them over. What a query tile does not keep of a
// tile is masked, a whole block at a time. Lists of neighbours are mostly alike.
//
// Kernels          hopper_sparse_d128_b64   hopper_sparse_d128_b32   hopper_sparse_d64_b64   hopper_sparse_d64_b32
// query tiles/CTA  2                        4                        2                       4
// dynamic shared   182512                   183088                   166200                  166776 bytes
// block            384 threads. registers: 168 at entry; consumers 224, producer 56. No spills.
// grid             min(multiprocessors, heads * ceil(T / query tiles per CTA)). One CTA a multiprocessor.
// Parameters as the sparse kernels of hopper_attention.cu; box rows are B for all three tensor maps (Q too). n <= 2048.
#include "hopper_flash.cuh"

namespace hopper {

constexpr int MAX_BLOCKS = 2048;

// The key tiles of a CTA's query tiles.
template <int TILES>
struct UnionList {
  int head, count, shared, limit;  // a warpgroup's tiles, those of both among them; `limit` keys of the first block are valid
  int firstRow[TILES], rows[TILES];
  uint32_t entry[MAX_BLOCKS + TILES];  // block, and from bit 16 the query tiles that keep it; filled up with blocks past the end
};

template <int DIM, int BLOCK_, int STAGES>
struct GatherShape : Shape<DIM, 128, STAGES, 2, 128 / BLOCK_> {
  using Base = Shape<DIM, 128, STAGES, 2, 128 / BLOCK_>;
  static constexpr int BLOCK = BLOCK_, TILES = 128 / BLOCK;  // query tiles, and blocks of a key tile
  static_assert(STAGES % 2 == 0, "a warpgroup's own tiles, every second one, must not miss a lap of their buffers: parities would repeat");
  static constexpr int LIST_BARRIERS_AT = Base::END;
  static constexpr int MARKS_AT = LIST_BARRIERS_AT + RingBarriers<2>::BYTES;  // uint32 [STAGES]: bit TILES * block + query tile: kept
  static constexpr int BUILD_AT = MARKS_AT + 4 * STAGES;  // int pulled, shared; uint32 presence [TILES][64], counts [2][64]
  static constexpr int LISTS_AT = BUILD_AT + 8 + (TILES + 2) * (MAX_BLOCKS / 32) * 4;  // UnionList [2]
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
  volatile int *pulled, *shared;  // shared: of the query tile that the consumers are told
  uint32_t *presence, *counts;
  UnionList<S::TILES>* lists;

  __device__ __forceinline__ Lists(char* memory, uint32_t base)
      : bars{base + S::LIST_BARRIERS_AT},
        marks(reinterpret_cast<uint32_t*>(memory + S::MARKS_AT)),
        pulled(reinterpret_cast<int*>(memory + S::BUILD_AT)),
        shared(pulled + 1),
        presence(reinterpret_cast<uint32_t*>(memory + S::BUILD_AT + 8)),
        counts(presence + S::TILES * (MAX_BLOCKS / 32)),
        lists(reinterpret_cast<UnionList<S::TILES>*>(memory + S::LISTS_AT)) {}
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
  uint32_t wanted[2] = {0, 0}, all = 0xFFFFFFFF;  // by a warpgroup, by every query tile
#pragma unroll
  for (int t = 0; t < TILES; ++t) {
    const uint32_t word = l.presence[t * BUILDERS + thread];
    wanted[t * 2 / TILES] |= word;
    if (t < present) all &= word;
  }
  // A ragged last block is the first of all: nothing else has to be masked by columns.
  const int lastKeys = a.keys - (a.blocks - 1) * S::BLOCK;
  const uint32_t last = thread == (a.blocks - 1) / 32 ? (wanted[0] | wanted[1]) & (1u << ((a.blocks - 1) % 32)) : 0;
  uint32_t kind[4];  // of blocks: first, other shared ones, the first warpgroup's own, the second's
  kind[0] = (all & wanted[0]) | (lastKeys < S::BLOCK ? last : 0);
  kind[1] = wanted[0] & wanted[1] & ~kind[0];
  kind[2] = wanted[0] & ~wanted[1] & ~kind[0];
  kind[3] = wanted[1] & ~wanted[0] & ~kind[0];
  l.counts[thread] = __popc(kind[0]) | __popc(kind[1]) << 16;
  l.counts[BUILDERS + thread] = __popc(kind[2]) | __popc(kind[3]) << 16;
  builders_sync();
  uint32_t total[2] = {0, 0}, before[2] = {0, 0};
#pragma unroll 4
  for (int w = 0; w < BUILDERS; ++w) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const uint32_t x = l.counts[i * BUILDERS + w];
      total[i] += x;
      if (w > thread) before[i] += x;
    }
  }
  // As many whole tiles of either warpgroup's own blocks as both have; the rest joins the shared ones.
  const int own0 = total[1] & 0xFFFF, own1 = total[1] >> 16, turns = min(own0, own1) / TILES, own = turns * TILES;
  const int rest0 = (total[0] & 0xFFFF) + (total[0] >> 16), rest1 = rest0 + own0 - own, entries = rest1 + own1 - own;
  const int shared = (entries + TILES - 1) / TILES;
  if (thread < TILES && entries + thread < shared * TILES) list->entry[entries + thread] = a.blocks;  // zeros, kept by none
  if (thread == (a.blocks - 1) / 32) {
    list->limit = lastKeys < S::BLOCK && last != 0 ? lastKeys : S::BLOCK;
    list->head = head;
    list->shared = shared;
    list->count = shared + turns;
  }
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    uint32_t word = kind[k];
    int rank = before[k / 2] >> (k % 2 * 16) & 0xFFFF;
    while (word != 0) {
      const int bit = 31 - __clz(word);
      word &= ~(1u << bit);
      uint32_t entry = thread * 32 + bit;
#pragma unroll
      for (int t = 0; t < TILES; ++t) entry |= (l.presence[t * BUILDERS + thread] >> bit & 1) << (16 + t);
      int at = rank + (k == 1 ? total[0] & 0xFFFF : 0);
      if (k > 1) at = rank < own ? (shared + rank / TILES * 2 + k - 2) * TILES + rank % TILES : (k == 2 ? rest0 : rest1) + rank - own;
      list->entry[at] = entry;
      ++rank;
    }
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
    barrier_arrive(l.bars.full(at.stage));
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
    const int head = list->head, count = list->count, shared = list->shared, column = head / a.group * S::DIM;
    if (!VALUES) {
      pipeline.query.awaitEmpty(ringQ);
      ringQ.advance();
      pipeline.tile->count = count;
      if (count == 0) {
        barrier_arrive(pipeline.query.full(0));
      } else {
        pipeline.tile->head = head;
        pipeline.tile->limit = list->limit;
        *l.shared = shared;
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
    for (int i = 0; i < 2 * count - shared; ++i) {
      int row[S::TILES];
      uint32_t mark = 0;
#pragma unroll
      for (int e = 0; e < S::TILES; ++e) {
        const uint32_t entry = list->entry[i * S::TILES + e];
        row[e] = (entry & 0xFFFF) * S::BLOCK;
        mark |= entry >> 16 << (S::TILES * e);
      }
      bars.awaitEmpty(ring);
      if (i >= shared) barrier_arrive(bars.empty(ring.stage), S::WARPS / 2);  // for the warpgroup that passes it over
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
  const Lists<S>& lists;
  int warpgroup, own;  // the warp's; its query tile
  int shared = 0;

  __device__ __forceinline__ Unkept(const Lists<S>& l, int group)
      : lists(l), warpgroup(group), own((threadIdx.x / 32 - 4) * 16 / S::BLOCK) {}

  __device__ __forceinline__ void start() { shared = __shfl_sync(0xFFFFFFFF, *lists.shared, 0); }

  // Tiles of the warpgroups' own alternate, the first one's first.
  __device__ __forceinline__ bool skips(int i) const { return i > shared || (i == shared && warpgroup == 1); }
  __device__ __forceinline__ bool skipsAfter(int count) const { return count > shared && warpgroup == 0; }

  // Read by the lane that hands the tile back.
  __device__ __forceinline__ uint32_t mark(int stage) const {
    return __shfl_sync(0xFFFFFFFF, threadIdx.x % 32 == 0 ? lists.marks[stage] : 0, 0) >> own;
  }

  template <int N>
  __device__ __forceinline__ void first(float (&s)[N], uint32_t mark, int limit) {
    if (limit < S::BLOCK) mask<S::BLOCK / 2>(s, limit);
    dropBlocks(s, mark);
  }

  template <int N, class Softmax>
  __device__ __forceinline__ void next(float (&s)[N], uint32_t mark, int, const Softmax&) {
    dropBlocks(s, mark);
  }

  template <int N>
  __device__ __forceinline__ void dropBlocks(float (&s)[N], uint32_t mark) {
    constexpr int PART = N / S::TILES;
#pragma unroll
    for (int e = 0; e < S::TILES; ++e) {
      if (!(mark >> (e * S::TILES) & 1)) {
#pragma unroll
        for (int i = 0; i < PART; ++i) drop(s[e * PART + i], true);
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
    lists.bars.initialise(BUILDERS, 2);
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
    Unkept<S> hooks(lists, warpgroup - 1);
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
