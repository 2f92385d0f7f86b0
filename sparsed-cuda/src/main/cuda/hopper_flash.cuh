// One pass of attention over tiles of keys: what dense, block-sparse and selecting kernels have in common.
//
// Consumers<Hooks> is the loop of a consumer warpgroup. Hooks of a kernel (see Plain):
//   GUARDED                       some rows may have met no key yet
//   PARTS                         key blocks of a tile, for RowSoftmax
//   start()                       a query tile begins
//   skips(i), skipsAfter(count)   one tile of the rings is not this warpgroup's, before its i-th; after its last
//   mark(stage)                   called while the K tile is held; what it returns goes to the next two
//   first(s, mark, limit)         masks the first tile met, of which `limit` keys are valid
//   next(s, mark, i, soft)        masks tile i; `soft` stands before it
//   overlap(soft)                 tensor cores are at work; soft's parts are those of the last tile
//   last(lse0, lse1, tile)        `overlap` was called for the last tile; the output is not stored yet
//   finish(tile)                  the output is stored
#pragma once

#include "hopper_softmax.cuh"

namespace hopper {

// Compile-time shape of one kernel. KEYS: keys of a tile. QUERY_TILES: runs of rows that need not be neighbours.
template <int DIM_, int KEYS_, int STAGES_, int WARPGROUPS_, int QUERY_TILES_ = 1>
struct Shape {
  static constexpr int DIM = DIM_, KEYS = KEYS_, STAGES = STAGES_, WARPGROUPS = WARPGROUPS_, QUERY_TILES = QUERY_TILES_;
  static constexpr int THREADS = 128 + 128 * WARPGROUPS, WARPS = 4 * WARPGROUPS;
  static constexpr int ROWS = 64 * WARPGROUPS;
  static constexpr int CHUNKS = DIM / 64;                 // 128-byte wide boxes of a row
  static constexpr int QUERY_BYTES = ROWS * DIM * 2;      // [warpgroup][chunk][64][64]
  static constexpr int TILE_BYTES = KEYS * DIM * 2;       // [chunk][KEYS][64]
  static constexpr int KEYS_AT = QUERY_BYTES;
  static constexpr int VALUES_AT = KEYS_AT + STAGES * TILE_BYTES;
  static constexpr int BARRIERS_AT = VALUES_AT + STAGES * TILE_BYTES;
  static constexpr int TILE_AT = BARRIERS_AT + RingBarriers<1>::BYTES + 2 * RingBarriers<STAGES>::BYTES;
  static constexpr int END = TILE_AT + 4 * (3 + 2 * QUERY_TILES) + 4;  // a multiple of 8
};

// What the producer tells the consumers about a query tile, written before its barrier. A count of 0 ends the work.
template <class S>
struct TileInfo {
  int head, count, limit;
  int firstRow[S::QUERY_TILES], rows[S::QUERY_TILES];
};

template <class S>
struct Pipeline {
  uint32_t smem;
  RingBarriers<1> query;
  RingBarriers<S::STAGES> keys, values;
  volatile TileInfo<S>* tile;

  // `base` is a multiple of 1,024.
  __device__ __forceinline__ Pipeline(char* shared, uint32_t base)
      : smem(base),
        query{base + S::BARRIERS_AT},
        keys{query.base + RingBarriers<1>::BYTES},
        values{keys.base + RingBarriers<S::STAGES>::BYTES},
        tile(reinterpret_cast<TileInfo<S>*>(shared + S::TILE_AT)) {}

  // One thread; the others may go on after a barrier of the CTA.
  __device__ __forceinline__ void initialise() const {
    query.initialise(1, 32 * S::WARPS);
    keys.initialise(1, S::WARPS);
    values.initialise(1, S::WARPS);
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
};

// The 1,024-byte aligned start of dynamic shared memory.
__device__ __forceinline__ char* aligned_shared(uint32_t& address) {
  extern __shared__ char raw[];
  const uint32_t unaligned = shared_address(raw);
  address = (unaligned + 1023) & ~1023u;
  return raw + (address - unaligned);
}

// Loads a query tile of neighbouring rows and then its tiles of keys and values: one thread, for one query tile after the other.
// source.row(i): first key of the i-th tile, asked for once each, in order, one tile ahead.
template <class S>
struct Loader {
  const CUtensorMap &mapQ, &mapK, &mapV;
  const Pipeline<S>& pipeline;
  Ring<1> ringQ;
  Ring<S::STAGES> ringK, ringV;

  __device__ __forceinline__ void end() {
    pipeline.query.awaitEmpty(ringQ);
    pipeline.tile->count = 0;
    barrier_arrive(pipeline.query.full(0));
  }

  template <class Source>
  __device__ __forceinline__ void load(const Source& source, int head, int kvHead, int firstRow, int rows, int count, int limit) {
    pipeline.query.awaitEmpty(ringQ);
    ringQ.advance();
    volatile TileInfo<S>* tile = pipeline.tile;
    tile->head = head;
    tile->firstRow[0] = firstRow;
    tile->rows[0] = rows;
    tile->count = count;
    tile->limit = limit;
    barrier_expect(pipeline.query.full(0), S::QUERY_BYTES);
#pragma unroll
    for (int i = 0; i < S::WARPGROUPS * S::CHUNKS; ++i) {
      tensor_load(mapQ, pipeline.smem + i * 8192, pipeline.query.full(0), head * S::DIM + i % S::CHUNKS * 64,
                  firstRow + i / S::CHUNKS * 64);
    }
    // V of a tile is asked for after K of the next: that is the order of use.
    int row = source.row(0), previous = 0;
    for (int i = 0; i <= count; ++i) {
      const int ahead = i + 1 < count ? source.row(i + 1) : 0;
      if (i < count) load(mapK, S::KEYS_AT, pipeline.keys, ringK, kvHead, row);
      if (i > 0) load(mapV, S::VALUES_AT, pipeline.values, ringV, kvHead, previous);
      previous = row;
      row = ahead;
    }
  }

  __device__ __forceinline__ void load(const CUtensorMap& map, int at, const RingBarriers<S::STAGES>& bars, Ring<S::STAGES>& ring,
                                       int kvHead, int row) {
    bars.awaitEmpty(ring);
    barrier_expect(bars.full(ring.stage), S::TILE_BYTES);
#pragma unroll
    for (int c = 0; c < S::CHUNKS; ++c) {
      tensor_load(map, pipeline.smem + at + ring.stage * S::TILE_BYTES + c * S::KEYS * 128, bars.full(ring.stage),
                  kvHead * S::DIM + c * 64, row);
    }
    ring.advance();
  }
};

template <class S>
__device__ __forceinline__ void scores(float (&s)[S::KEYS / 2], uint32_t q, uint32_t k) {
#pragma unroll
  for (int i = 0; i < S::DIM / 16; ++i) {
    const uint32_t dq = q + ((i / 4) * 8192 + (i % 4) * 32) / 16;
    const uint32_t dk = k + ((i / 4) * S::KEYS * 128 + (i % 4) * 32) / 16;
    if (i == 0) {
      wgmma_ss<0>(s, dq, dk);
    } else {
      wgmma_ss<1>(s, dq, dk);
    }
  }
  wgmma_commit();
}

template <class S>
__device__ __forceinline__ void accumulate(float (&o)[S::DIM / 2], const uint32_t (&p)[S::KEYS / 4], uint32_t v) {
#pragma unroll
  for (int i = 0; i < S::KEYS / 16; ++i) wgmma_rs(o, p + 4 * i, v + i * 2048 / 16);
  wgmma_commit();
}

// A warp's part of a query tile.
struct WarpTile {
  int head, firstRow, rows;
  int local;  // this thread's first row; its second is 8 further
};

// Nothing but attention; only the end of the first tile is masked.
struct Plain {
  static constexpr bool GUARDED = false;
  static constexpr int PARTS = 1;
  __device__ __forceinline__ void start() {}
  __device__ __forceinline__ static constexpr bool skips(int) { return false; }
  __device__ __forceinline__ static constexpr bool skipsAfter(int) { return false; }
  __device__ __forceinline__ uint32_t mark(int) { return 0; }
  template <int N>
  __device__ __forceinline__ void first(float (&s)[N], uint32_t, int limit) {
    if (limit < 2 * N) mask<N>(s, limit);
  }
  template <int N, class Softmax>
  __device__ __forceinline__ void next(float (&)[N], uint32_t, int, const Softmax&) {}
  template <class Softmax>
  __device__ __forceinline__ void overlap(const Softmax&) {}
  __device__ __forceinline__ void last(float, float, const WarpTile&) {}
  __device__ __forceinline__ void finish(const WarpTile&) {}
};

// A warpgroup's query tiles, until the producer ends.
template <class S, class Hooks>
__device__ __forceinline__ void consume(const Pipeline<S>& pipeline, const Output& output, float c, int warpgroup, Hooks& hooks) {
  constexpr int N = S::KEYS / 2;
  const bool signals = threadIdx.x % 32 == 0;
  const uint32_t query = descriptor(pipeline.smem + warpgroup * S::CHUNKS * 8192, 0);
  const uint32_t keys = descriptor(pipeline.smem + S::KEYS_AT, 0);
  const uint32_t values = descriptor(pipeline.smem + S::VALUES_AT, S::KEYS * 128);
  constexpr int TILE_ROWS = S::ROWS / S::QUERY_TILES;
  const int row = warpgroup * 64 + threadIdx.x / 32 % 4 * 16;  // the warp's first in the CTA
  Ring<1> ringQ;
  Ring<S::STAGES> ringK, ringV;
  float s[N], o[S::DIM / 2];
  uint32_t p[N / 2];
  RowSoftmax<N, Hooks::PARTS> soft;
  while (true) {
    pipeline.query.awaitFull(ringQ);
    ringQ.advance();
    // broadcast, so that the assembler knows that a warp's lanes agree: what hangs on it is kept in uniform registers
    const int count = __shfl_sync(0xFFFFFFFF, pipeline.tile->count, 0), limit = pipeline.tile->limit;
    if (count == 0) break;
    hooks.start();

    if (hooks.skips(0)) ringK.advance();
    pipeline.keys.awaitFull(ringK);
    wgmma_fence();
    scores<S>(s, query, keys + ringK.stage * (S::TILE_BYTES / 16));
    uint32_t mark = hooks.mark(ringK.stage);
    wgmma_wait<0>();
    pin(s);
    if (signals) barrier_arrive(pipeline.keys.empty(ringK.stage));
    ringK.advance();
    hooks.first(s, mark, limit);
    soft.template first<Hooks::GUARDED>(s, c);
    pack(p, s);
#pragma unroll
    for (int i = 0; i < S::DIM / 2; ++i) o[i] = 0.0f;

#pragma unroll 1
    for (int i = 1; i < count; ++i) {
      if (hooks.skips(i)) ringK.advance();
      if (hooks.skips(i - 1)) ringV.advance();
      // Computed, and kept computed, before the wait: tensor cores stand still from its end to the first product (2 to 5 %).
      uint32_t k = keys + ringK.stage * (S::TILE_BYTES / 16), v = values + ringV.stage * (S::TILE_BYTES / 16);
      asm volatile("" : "+r"(k), "+r"(v));
      pipeline.keys.awaitFull(ringK);
      pin(o);
      pin(p);
      wgmma_fence();
      scores<S>(s, query, k);
      pipeline.values.awaitFull(ringV);
      wgmma_fence();
      accumulate<S>(o, p, v);
      mark = hooks.mark(ringK.stage);
      hooks.overlap(soft);
      wgmma_wait<1>();
      pin(s);
      if (signals) barrier_arrive(pipeline.keys.empty(ringK.stage));
      ringK.advance();
      hooks.next(s, mark, i, soft);
      float f0, f1;
      const bool rescale = soft.template next<Hooks::GUARDED>(s, c, f0, f1);
      wgmma_wait<0>();
      pin(o);
      pin(p);
      if (signals) barrier_arrive(pipeline.values.empty(ringV.stage));
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
    const int own = row / TILE_ROWS;
    const WarpTile tile{pipeline.tile->head, pipeline.tile->firstRow[own], pipeline.tile->rows[own],
                 row % TILE_ROWS + static_cast<int>(threadIdx.x % 32 / 4)};
    if (hooks.skips(count - 1)) ringV.advance();
    pipeline.values.awaitFull(ringV);
    // By every thread: all have read the tile. And all loads for this query tile have ended before the next one begins: a warpgroup that
    // passed over the last one could take its parity for that of two laps ago.
    barrier_arrive(pipeline.query.empty(0));
    pin(o);
    pin(p);
    wgmma_fence();
    accumulate<S>(o, p, values + ringV.stage * (S::TILE_BYTES / 16));
    hooks.overlap(soft);
    float sum0, sum1;
    soft.total(sum0, sum1);
    const float lse0 = fmaf(soft.max0, c, __log2f(sum0)), lse1 = fmaf(soft.max1, c, __log2f(sum1));
    hooks.last(lse0, lse1, tile);
    wgmma_wait<0>();
    pin(o);
    if (signals) barrier_arrive(pipeline.values.empty(ringV.stage));
    ringV.advance();
    store<S::DIM>(o, sum0, sum1, lse0, lse1, output, tile.head, tile.firstRow, tile.rows, tile.local);
    hooks.finish(tile);
    if (hooks.skipsAfter(count)) {
      ringK.advance();
      ringV.advance();
    }
  }
}

}  // namespace hopper
