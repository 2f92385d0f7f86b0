// Block-sparse attention for Hopper with blocks of 64 and 32: one CTA takes several neighbouring query tiles, loads the
// union of their kept key blocks once, and each warpgroup works on the blocks that its own rows keep.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_gather.cu
//
// Kernels          hopper_sparse_d128_b64   hopper_sparse_d128_b32   hopper_sparse_d64_b64   hopper_sparse_d64_b32
// query tiles/CTA  3                        6                        3                       6
// dynamic shared   223384                   224276                   231716                  199900 bytes
// block            512 threads. registers: 128 at entry; consumers 160, producer 32. No spills.
// grid             min(multiprocessors, heads * ceil(T / query tiles per CTA)). One CTA a multiprocessor.
// Parameters as the sparse kernels of hopper_attention.cu; box rows are B for all three tensor maps (Q too). n <= 2048.
#include "hopper_softmax.cuh"

namespace hopper {

// SLOTS: ring of key blocks (K and V together); BATCH: key blocks in one pass of a warpgroup.
template <int DIM_, int BLOCK_, int SLOTS_, int WARPGROUPS_, int BATCH_, int PRODUCERS_>
struct GatherShape {
  static constexpr int DIM = DIM_, BLOCK = BLOCK_, SLOTS = SLOTS_, WARPGROUPS = WARPGROUPS_, BATCH = BATCH_;
  static constexpr int PRODUCERS = PRODUCERS_;  // warps that load; each fills every PRODUCERS-th entry of the union
  // Slots are released out of order within a batch. Were a slot not always filled by the same warp, one two laps ahead
  // could take the parity of the last lap but one for its own.
  static_assert(BATCH == 1 || SLOTS % PRODUCERS == 0, "each slot needs one producer warp");
  static constexpr int PER_GROUP = 64 / BLOCK, PER_CTA = WARPGROUPS * PER_GROUP;  // query tiles
  static constexpr int CHUNKS = DIM / 64;
  static constexpr int QUERY_BYTES = WARPGROUPS * 64 * DIM * 2;  // [warpgroup][chunk][64][64]
  static constexpr int HALF_BYTES = BLOCK * DIM * 2;             // [chunk][BLOCK][64], K first, then V
  static constexpr int SLOT_BYTES = 2 * HALF_BYTES;
  static constexpr int SLOTS_AT = QUERY_BYTES;
  static constexpr int BARRIERS_AT = SLOTS_AT + SLOTS * SLOT_BYTES;
  static constexpr int INFO_AT = BARRIERS_AT + 8 * (2 + 2 * SLOTS);
};

constexpr int MAX_BLOCKS = 2048;

template <class S>
struct GatherInfo {
  int head, entries;
  int firstRow[S::PER_CTA], rows[S::PER_CTA];
  uint32_t entry[S::SLOTS];  // bit t: kept by query tile t of the CTA; from bit 16: its number of keys
  // the producers' own
  int pulled;
  uint32_t presence[S::PER_CTA][MAX_BLOCKS / 32], any[MAX_BLOCKS / 32];
  uint32_t list[MAX_BLOCKS];  // the union, descending: block, and from bit 16 the query tiles that keep it
};

struct GatherArguments {
  bf16_bits* out;
  float* lse;
  int rows, keys, heads, group, ldo;
  float scaleLog2;
  const uint16_t* kept;
  const int* keptCount;
  int blocks;
  const int4* tiles;
  int tileCount;
  int* counter;
};

template <class S>
struct GatherBarriers {
  uint32_t base;
  __device__ __forceinline__ uint32_t infoFull() const { return base; }
  __device__ __forceinline__ uint32_t infoEmpty() const { return base + 8; }
  __device__ __forceinline__ uint32_t full(int s) const { return base + 16 + 8 * s; }
  __device__ __forceinline__ uint32_t empty(int s) const { return base + 16 + 8 * (S::SLOTS + s); }
};

__device__ __forceinline__ void producers_sync() { named_sync(1, 128); }

// Lists the union of the blocks that the CTA's query tiles keep; returns its size. All producer threads. Thread t also gets
// query tile t (one without rows past the end).
template <class S>
__device__ __forceinline__ int unite(const GatherArguments& a, GatherInfo<S>* info, int head, int firstTile, int4& tile) {
  const int thread = threadIdx.x, words = (a.blocks + 31) / 32;
#pragma unroll
  for (int t = 0; t < S::PER_CTA; ++t) {
    if (thread < words) info->presence[t][thread] = 0;
  }
  producers_sync();
#pragma unroll 1
  for (int t = 0; t < S::PER_CTA; ++t) {
    if (firstTile + t < a.tileCount) {
      const int4 current = a.tiles[firstTile + t];
      if (thread == t) tile = current;
      const size_t row = static_cast<size_t>(head) * a.blocks + current.z;
      const uint16_t* kept = a.kept + row * a.blocks;
      const int count = a.keptCount[row];
#pragma unroll 4
      for (int i = thread; i < count; i += 128) atomicOr(&info->presence[t][kept[i] >> 5], 1u << (kept[i] & 31));
    } else if (thread == t) {
      tile = make_int4(a.rows, 0, 0, 0);
    }
  }
  producers_sync();
  uint32_t mine = 0;
  if (thread < words) {
#pragma unroll
    for (int t = 0; t < S::PER_CTA; ++t) mine |= info->presence[t][thread];
    info->any[thread] = mine;
  }
  producers_sync();
  int before = 0, entries = 0;
  for (int w = 0; w < words; ++w) {
    const int blocks = __popc(info->any[w]);
    entries += blocks;
    if (w > thread) before += blocks;
  }
  while (mine != 0) {
    const int bit = 31 - __clz(mine);
    mine &= ~(1u << bit);
    uint32_t entry = thread * 32 + bit;
#pragma unroll
    for (int t = 0; t < S::PER_CTA; ++t) entry |= (info->presence[t][thread] >> bit & 1) << (16 + t);
    info->list[before++] = entry;
  }
  return entries;
}

// The producer warpgroup: all list a unit's union, then PRODUCERS warps load it.
template <class S>
__device__ __forceinline__ void produce(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                        const GatherArguments& a, uint32_t smem, const GatherBarriers<S>& bars, GatherInfo<S>* info) {
  const int groups = (a.tileCount + S::PER_CTA - 1) / S::PER_CTA, total = a.heads * groups, thread = threadIdx.x;
  uint32_t infoParity = 0, loaded = 0;
  int unit = blockIdx.x;
  while (true) {
    const int head = unit / groups, firstTile = (unit - head * groups) * S::PER_CTA;
    int entries = 0;
    int4 tile;
    if (unit < total) entries = unite<S>(a, info, head, firstTile, tile);
    barrier_wait(bars.infoEmpty(), infoParity ^ 1);
    infoParity ^= 1;
    if (thread < S::PER_CTA && unit < total) {
      info->firstRow[thread] = tile.x;
      info->rows[thread] = tile.y;
    }
    if (thread == 0) {
      info->head = head;
      info->entries = entries;
    }
    producers_sync();
    if (unit >= total) {
      if (thread == 0) barrier_arrive(bars.infoFull());
      return;
    }
    if (thread == 0) {
      // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
      info->pulled = atomicAdd(a.counter, 1);
      if (info->pulled == total - 1) *a.counter = 0;
      barrier_expect(bars.infoFull(), S::QUERY_BYTES);
#pragma unroll 1
      for (int t = 0; t < S::PER_CTA; ++t) {
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          const int at = ((t / S::PER_GROUP * S::CHUNKS + c) * 64 + t % S::PER_GROUP * S::BLOCK) * 128;
          tensor_load(mapQ, smem + at, bars.infoFull(), head * S::DIM + c * 64, info->firstRow[t]);
        }
      }
    }
    if (thread % 32 == 0 && thread / 32 < S::PRODUCERS) {
      const int kvColumn = head / a.group * S::DIM;
#pragma unroll 1
      for (int i = thread / 32; i < entries; i += S::PRODUCERS) {
        const uint32_t entry = info->list[i], position = loaded + i, lap = position / S::SLOTS, stage = position - lap * S::SLOTS;
        const int row = (entry & 0xFFFF) * S::BLOCK;
        const uint32_t slot = smem + S::SLOTS_AT + stage * S::SLOT_BYTES;
        barrier_wait(bars.empty(stage), lap & 1 ^ 1);
        info->entry[stage] = entry >> 16 | static_cast<uint32_t>(min(S::BLOCK, a.keys - row)) << 16;
        barrier_expect(bars.full(stage), S::SLOT_BYTES);
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          tensor_load(mapK, slot + c * S::BLOCK * 128, bars.full(stage), kvColumn + c * 64, row);
        }
#pragma unroll
        for (int c = 0; c < S::CHUNKS; ++c) {
          tensor_load(mapV, slot + S::HALF_BYTES + c * S::BLOCK * 128, bars.full(stage), kvColumn + c * 64, row);
        }
      }
    }
    __syncwarp();
    producers_sync();
    loaded += entries;
    unit = info->pulled + gridDim.x;
  }
}

template <class S>
__device__ __forceinline__ void consume(const GatherArguments& a, uint32_t smem, const GatherBarriers<S>& bars,
                                        const volatile GatherInfo<S>* info, int warpgroup) {
  constexpr int N = S::BATCH * S::BLOCK / 2, PART = S::BLOCK / 2;
  const bool signals = threadIdx.x % 32 == 0;
  const float c = a.scaleLog2;
  const uint64_t query = descriptor(smem + warpgroup * S::CHUNKS * 8192, 0);
  const uint64_t keys = descriptor(smem + S::SLOTS_AT, 0);
  const uint64_t values = descriptor(smem + S::SLOTS_AT + S::HALF_BYTES, S::BLOCK * 128);
  // A warp's 16 rows belong to one query tile.
  const int warp = __shfl_sync(0xFFFFFFFF, threadIdx.x / 32 % 4, 0), tile = warpgroup * S::PER_GROUP + warp * 16 / S::BLOCK;
  const uint32_t mine = ((1u << S::PER_GROUP) - 1) << (warpgroup * S::PER_GROUP);
  Ring<S::SLOTS> ring;
  uint32_t infoParity = 0;
  float s[S::BATCH][PART], o[S::DIM / 2];
  uint32_t p[N / 2];
  float(&flat)[N] = reinterpret_cast<float(&)[N]>(s);
  RowSoftmax<N> soft;
  while (true) {
    barrier_wait(bars.infoFull(), infoParity);
    infoParity ^= 1;
    int left = info->entries;
    if (left == 0) break;
    soft.max0 = soft.max1 = NEGATIVE_INFINITY;
    soft.sum0 = soft.sum1 = 0.0f;
#pragma unroll
    for (int i = 0; i < S::DIM / 2; ++i) o[i] = 0.0f;
#pragma unroll 1
    while (true) {
      // Collects up to BATCH blocks that this warpgroup keeps, no further ahead than the ring can hold.
      int slot[S::BATCH], reach = S::SLOTS;
      uint32_t mark[S::BATCH];
#pragma unroll
      for (int b = 0; b < S::BATCH; ++b) {
        slot[b] = slot[0];
        mark[b] = 0;
#pragma unroll 1
        while (left > 0 && reach > 0) {
          barrier_wait(bars.full(ring.stage), ring.parity);
          const uint32_t entry = __shfl_sync(0xFFFFFFFF, info->entry[ring.stage], 0);
          const int at = ring.stage;
          ring.advance();
          --left;
          if (b > 0) --reach;
          if (entry & mine) {
            slot[b] = at;
            mark[b] = entry;
            break;
          }
          if (signals) barrier_arrive(bars.empty(at));
        }
        if (b == 0) --reach;
      }
      if (mark[0] == 0) break;
      wgmma_fence();
#pragma unroll
      for (int b = 0; b < S::BATCH; ++b) {
        const uint64_t k = keys + slot[b] * (S::SLOT_BYTES / 16);
#pragma unroll
        for (int i = 0; i < S::DIM / 16; ++i) {
          const uint64_t dq = query + ((i / 4) * 8192 + (i % 4) * 32) / 16;
          const uint64_t dk = k + ((i / 4) * S::BLOCK * 128 + (i % 4) * 32) / 16;
          if (i == 0) {
            wgmma_ss<0>(s[b], dq, dk);
          } else {
            wgmma_ss<1>(s[b], dq, dk);
          }
        }
      }
      wgmma_commit();
      wgmma_wait<0>();
      pin(flat);
#pragma unroll
      for (int b = 0; b < S::BATCH; ++b) {
        const int limit = mark[b] >> tile & 1 ? static_cast<int>(mark[b] >> 16) : 0;
        if (limit < S::BLOCK) {
          const int column = threadIdx.x % 4 * 2;
#pragma unroll
          for (int i = 0; i < PART; ++i) {
            if (i / 4 * 8 + column + i % 2 >= limit) s[b][i] = NEGATIVE_INFINITY;
          }
        }
      }
      float f0, f1;
      if (soft.template next<(S::PER_GROUP > 1)>(flat, c, f0, f1)) {
#pragma unroll
        for (int j = 0; j < S::DIM / 2; j += 4) {
          o[j] *= f0;
          o[j + 1] *= f0;
          o[j + 2] *= f1;
          o[j + 3] *= f1;
        }
      }
      pack(p, flat);
      pin(o);
      pin(p);
      wgmma_fence();
#pragma unroll
      for (int b = 0; b < S::BATCH; ++b) {
        const uint64_t v = values + slot[b] * (S::SLOT_BYTES / 16);
#pragma unroll
        for (int i = 0; i < S::BLOCK / 16; ++i) wgmma_rs<1, 1>(o, p + b * (PART / 2) + 4 * i, v + i * 2048 / 16);
      }
      wgmma_commit();
      wgmma_wait<0>();
      pin(o);
      if (signals) {
#pragma unroll
        for (int b = 0; b < S::BATCH; ++b) {
          if (mark[b] != 0) barrier_arrive(bars.empty(slot[b]));
        }
      }
    }
    const int head = info->head, firstRow = info->firstRow[tile], rows = info->rows[tile];
    __syncwarp();  // every lane has read the tile before the producer may overwrite it
    if (signals) barrier_arrive(bars.infoEmpty());
    store<S::DIM>(o, soft, c, a.out, a.ldo, a.lse, a.heads, head, firstRow, rows, warp * 16 % S::BLOCK + threadIdx.x % 32 / 4);
  }
}

template <class S>
__device__ __forceinline__ void attention(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                          const GatherArguments& a) {
  extern __shared__ char raw[];
  const uint32_t unaligned = shared_address(raw), smem = (unaligned + 1023) & ~1023u;
  GatherInfo<S>* info = reinterpret_cast<GatherInfo<S>*>(raw + (smem - unaligned) + S::INFO_AT);
  const GatherBarriers<S> bars{smem + S::BARRIERS_AT};
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    constexpr int WARPS = 4 * S::WARPGROUPS;
    barrier_init(bars.infoFull(), 1);
    barrier_init(bars.infoEmpty(), WARPS);
    for (int i = 0; i < S::SLOTS; ++i) {
      barrier_init(bars.full(i), 1);
      barrier_init(bars.empty(i), WARPS);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<S::WARPGROUPS == 2 ? 40 : 32>();
    produce<S>(mapQ, mapK, mapV, a, smem, bars, info);
  } else {
    registers_raise<S::WARPGROUPS == 2 ? 232 : 160>();
    consume<S>(a, smem, bars, info, warpgroup - 1);
  }
}

}  // namespace hopper

#define HOPPER_GATHER(NAME, ...)                                                                                       \
  extern "C" __global__ void __launch_bounds__(128 + 128 * hopper::GatherShape<__VA_ARGS__>::WARPGROUPS, 1)           \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                         \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,   \
           int kvHeads, int ldo, float scale, const unsigned short* kept, const int* keptCount, int blocks,            \
           const int4* tiles, int tileCount, int* counter) {                                                           \
    const hopper::GatherArguments a{out,  lse,       rows,   keys,  heads,     heads / kvHeads, ldo, scale * hopper::LOG2E, \
                                    kept, keptCount, blocks, tiles, tileCount, counter};                               \
    hopper::attention<hopper::GatherShape<__VA_ARGS__>>(mapQ, mapK, mapV, a);                                          \
  }

//                                      D   block slots warpgroups batch producers
#ifndef HOPPER_VARIANTS
HOPPER_GATHER(hopper_sparse_d128_b64, 128, 64, 5, 3, 1, 4)
HOPPER_GATHER(hopper_sparse_d128_b32, 128, 32, 10, 3, 2, 2)
HOPPER_GATHER(hopper_sparse_d64_b64, 64, 64, 12, 3, 2, 4)
HOPPER_GATHER(hopper_sparse_d64_b32, 64, 32, 20, 3, 4, 4)
#else
#include HOPPER_VARIANTS
#endif
