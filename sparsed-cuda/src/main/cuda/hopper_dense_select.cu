// Dense attention for Hopper that also selects the pattern: the loop of hopper_flash.cuh over 128 rows x 128 keys, then top-k.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_dense_select.cu
//
// While the keys go by, the softmax has the sum of exp2(score - maximum) of every row and key block. What the maximum was then is
// kept with it: v = maximum + log2(sum) goes to a scratch of the CTA in device memory. After the last key the row's log-sum-exp is
// known, and importance[j] = sum of exp2(v[row][j] - lse[row]) over the rows of a query block: no second product, no second
// exponential of a score. The generation's keys come first (their tiles start at the first of them), so that their sums are
// relative to a maximum over them alone and the log-sum-exp over them alone is the one at that moment.
//
// Kernels: hopper_dense_select_d{128,64}_b{128,64,32}. 384 threads, grid min(multiprocessors, heads * ceil(N / 128)). Registers 168
// at entry, consumers 224, producer 56; no spills. n = ceil(N / B) <= 2048. Dynamic shared memory, bytes:
//   D = 128: 182408 (B = 128), 198792 (64), 231560 (32); D = 64: 166088, 182472, 215240
//   mapQ, mapK, mapV, out, lse (not null), heads, kvHeads, ldo, scale, counter   as in hopper_attention.cu; boxes of 64 rows for Q and
//               128 for K and V
//   rows, keys  both N
//   generationBlock g (0 <= g < n), promptCount k1 (1..n), generationCount k2 (1..n - g)
//   scratch     f32 [grid][128 / B * (ceil(g B / 128) + ceil((N - g B) / 128))][128], 16-byte aligned; its contents are of no use
//   words       uint64 [Hq][n][ceil(n / 64)], little endian: bit j % 64 of word j / 64 tells whether key block j is kept
#include "hopper_block_sums.cuh"
#include "hopper_flash.cuh"

namespace hopper {

template <int DIM, int BLOCK_, int STAGES>
struct SelectShape : Shape<DIM, 128, STAGES, 2> {
  using Base = Shape<DIM, 128, STAGES, 2>;
  static constexpr int BLOCK = BLOCK_, PARTS = Base::KEYS / BLOCK, QUERY_BLOCKS = Base::ROWS / BLOCK;
  static constexpr int LSE_AT = (Base::END + 15) / 16 * 16;          // f32 [2][ROWS], powers of 2: over all keys, the generation's
  static constexpr int SUMS_AT = LSE_AT + 2 * Base::ROWS * 4;        // f32 [QUERY_BLOCKS][2][SELECT_MAX_BLOCKS]
  static constexpr int CHOICE_AT = SUMS_AT + QUERY_BLOCKS * 2 * SELECT_MAX_BLOCKS * 4;  // its barriers; int head, first query block
  static constexpr int END = CHOICE_AT + RingBarriers<1>::BYTES + 8;
  static constexpr int CHOOSERS = QUERY_BLOCKS < 3 ? QUERY_BLOCKS : 3;  // warps
};

struct SelectArguments {
  Output output;
  int keys, group;
  float scaleLog2;
  int blocks, generationBlock, promptCount, generationCount;
  int generationTiles, promptTiles;
  float* scratch;
  uint32_t* words;
  int* counter;
};

// Tiles of the generation's keys, then of the prompt's, both from the last to the first.
struct GenerationFirst {
  int generationRow, generationTiles, promptTiles;
  __device__ __forceinline__ int row(int i) const {
    return i < generationTiles ? generationRow + (generationTiles - 1 - i) * 128 : (generationTiles + promptTiles - 1 - i) * 128;
  }
};

template <class S>
__device__ __forceinline__ void produce(Loader<S> loader, const SelectArguments& a) {
  const int tiles = (a.keys + S::ROWS - 1) / S::ROWS, total = a.output.heads * tiles;
  const GenerationFirst source{a.generationBlock * S::BLOCK, a.generationTiles, a.promptTiles};
  int tile = blockIdx.x;
  while (tile < total) {
    // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
    const int pulled = atomicAdd(a.counter, 1);
    const int head = tile / tiles, firstRow = (tile - head * tiles) * S::ROWS;
    loader.load(source, head, head / a.group, firstRow, min(S::ROWS, a.keys - firstRow), a.generationTiles + a.promptTiles,
                a.keys - source.row(0));
    if (pulled == total - 1) *a.counter = 0;
    tile = pulled + gridDim.x;
  }
  loader.end();
}

// The importances of a query tile, on their way from the consumers to the warps that choose.
template <class S>
struct Choice {
  RingBarriers<1> bars;
  float* sums;                    // [QUERY_BLOCKS][2][SELECT_MAX_BLOCKS]: over all keys, over the generation's
  volatile int *head, *firstBlock;  // head -1: there are no more

  __device__ __forceinline__ Choice(char* shared, uint32_t base)
      : bars{base + S::CHOICE_AT},
        sums(reinterpret_cast<float*>(shared + S::SUMS_AT)),
        head(reinterpret_cast<int*>(shared + S::CHOICE_AT + RingBarriers<1>::BYTES)),
        firstBlock(head + 1) {}
};

// Warps of the producer warpgroup: a warp takes every CHOOSERS-th query block, while the consumers work at the next query tile.
template <class S>
__device__ __forceinline__ void choose(const SelectArguments& a, const Choice<S>& choice, int warp) {
  const int lane = threadIdx.x % 32, width = (a.blocks + 63) / 64 * 2;
  Ring<1> at;
  while (true) {
    choice.bars.awaitFull(at);
    const int head = *choice.head, firstBlock = *choice.firstBlock;
    if (head < 0) return;
#pragma unroll 1
    for (int q = warp; q < S::QUERY_BLOCKS && firstBlock + q < a.blocks; q += S::CHOOSERS) {
      const float* sums = choice.sums + q * 2 * SELECT_MAX_BLOCKS;
      uint32_t all[2], generation[2];
      largest(sums, 0, a.blocks, a.promptCount, all);
      largest(sums + SELECT_MAX_BLOCKS, a.generationBlock, a.blocks, a.generationCount, generation);
      uint32_t* out = a.words + (static_cast<size_t>(head) * a.blocks + firstBlock + q) * width;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int word = lane + 32 * i, prompt = min(max(a.generationBlock - word * 32, 0), 32);
        const uint32_t isPrompt = prompt == 32 ? 0xFFFFFFFF : (1u << prompt) - 1;
        if (word < width) out[word] = (all[i] & isPrompt) | generation[i];
      }
    }
    barrier_arrive(choice.bars.empty(0));
    at.advance();
  }
}

// Keeps every row's sums of key blocks, and adds the rows up when their log-sum-exp is known.
template <class S>
struct Selecting : Plain {
  static constexpr int PARTS = S::PARTS;
  static constexpr int BATCH = 16;  // positions that a warp adds up at a time

  const SelectArguments& a;
  float* scratch;  // the CTA's: [position][ROWS]
  float* lse;
  const Choice<S>& choice;
  Ring<1> ring;
  int warp, row;  // of the CTA's consumers; this thread's first
  float* next_;   // where this thread's next sums go

  __device__ __forceinline__ Selecting(const SelectArguments& arguments, const Choice<S>& to, char* shared)
      : a(arguments),
        scratch(arguments.scratch + static_cast<size_t>(blockIdx.x) * positions() * S::ROWS),
        lse(reinterpret_cast<float*>(shared + S::LSE_AT)),
        choice(to),
        warp(__shfl_sync(0xFFFFFFFF, threadIdx.x / 32 - 4, 0)),
        row(warp * 16 + threadIdx.x % 32 / 4) {}

  // Key blocks in the order in which they are met.
  __device__ __forceinline__ int positions() const { return (a.generationTiles + a.promptTiles) * PARTS; }

  // The key block at a position, or -1: part of a tile that belongs to the other side, or is past the end.
  __device__ __forceinline__ int block(int position) const {
    const int tile = position / PARTS, part = position % PARTS;
    const bool generation = tile < a.generationTiles;
    const int left = a.generationTiles - 1 - tile + (generation ? 0 : a.promptTiles);
    const int j = left * PARTS + part + (generation ? a.generationBlock : 0);
    return j < (generation ? a.blocks : a.generationBlock) ? j : -1;
  }

  __device__ __forceinline__ void start() {
    const int lane = threadIdx.x % 32;
    next_ = scratch + row + lane % 2 * 8 + (PARTS > 1 ? lane / 2 % 2 * (PARTS / 2) * S::ROWS : 0);
  }

  template <int N, class Softmax>
  __device__ __forceinline__ void next(float (&s)[N], uint32_t, int i, const Softmax& soft) {
    if (i == a.generationTiles) {
      float sum0, sum1;
      soft.total(sum0, sum1);
      generationLse(fmaf(soft.max0, a.scaleLog2, __log2f(sum0)), fmaf(soft.max1, a.scaleLog2, __log2f(sum1)));
      const int limit = a.generationBlock * S::BLOCK - (a.promptTiles - 1) * S::KEYS;
      if (PARTS > 1 && limit < S::KEYS) mask<N>(s, limit);
    }
  }

  __device__ __forceinline__ void generationLse(float lse0, float lse1) {
    if (threadIdx.x % 4 == 0) {
      lse[S::ROWS + row] = lse0;
      lse[S::ROWS + row + 8] = lse1;
    }
  }

  // Adds up the four lanes of a row; odd lanes take the second row, lanes 2 and 3 of four the second half of the blocks.
  template <class Softmax>
  __device__ __forceinline__ void overlap(const Softmax& soft) {
    const bool odd = threadIdx.x & 1, upper = threadIdx.x & 2;
    float x[PARTS];
#pragma unroll
    for (int i = 0; i < PARTS; ++i) {
      const float keep = odd ? soft.part1[i] : soft.part0[i], give = odd ? soft.part0[i] : soft.part1[i];
      x[i] = keep + __shfl_xor_sync(0xFFFFFFFF, give, 1);
    }
    const float maximum = (odd ? soft.max1 : soft.max0) * a.scaleLog2;
    if constexpr (PARTS == 1) {
      x[0] += __shfl_xor_sync(0xFFFFFFFF, x[0], 2);
      if (!upper) next_[0] = maximum + __log2f(x[0]);
    } else {
#pragma unroll
      for (int i = 0; i < PARTS / 2; ++i) {
        const float keep = upper ? x[i + PARTS / 2] : x[i], give = upper ? x[i] : x[i + PARTS / 2];
        next_[i * S::ROWS] = maximum + __log2f(keep + __shfl_xor_sync(0xFFFFFFFF, give, 2));
      }
    }
    next_ += PARTS * S::ROWS;
  }

  __device__ __forceinline__ void last(float lse0, float lse1, const WarpTile& tile) {
    // a row past the end weighs exp2(-inf) = 0
    if (tile.local >= tile.rows) lse0 = -NEGATIVE_INFINITY;
    if (tile.local + 8 >= tile.rows) lse1 = -NEGATIVE_INFINITY;
    if (threadIdx.x % 4 == 0) {
      lse[row] = lse0;
      lse[row + 8] = lse1;
      if (a.promptTiles == 0 || tile.local >= tile.rows) lse[S::ROWS + row] = lse0;
      if (a.promptTiles == 0 || tile.local + 8 >= tile.rows) lse[S::ROWS + row + 8] = lse1;
    }
  }

  __device__ __forceinline__ void finish(const WarpTile& tile) {
    meet();  // every row's sums and log-sum-exps are there
    choice.bars.awaitEmpty(ring);
    ring.advance();
    addRows();
    hand(tile.head, tile.firstRow / S::BLOCK);
    meet();  // every row's sums have been read
  }

  // After the last query tile.
  __device__ __forceinline__ void end() {
    choice.bars.awaitEmpty(ring);
    hand(-1, 0);
  }

  __device__ __forceinline__ void hand(int head, int firstBlock) {
    if (warp == 0 && threadIdx.x % 32 == 0) {
      *choice.head = head;
      *choice.firstBlock = firstBlock;
    }
    barrier_arrive(choice.bars.full(0));
  }

  __device__ __forceinline__ static void meet() { named_sync(1, 32 * S::WARPS); }

  // A lane has four neighbouring rows, all of one query block; BATCH positions are in flight at a time.
  __device__ __forceinline__ void addRows() {
    const int lane = threadIdx.x % 32, end = positions();
    const float4 all = reinterpret_cast<const float4*>(lse)[lane], generation = reinterpret_cast<const float4*>(lse)[32 + lane];
#pragma unroll 1
    for (int from = warp * BATCH; from < end; from += S::WARPS * BATCH) {
      float4 v[BATCH];
#pragma unroll
      for (int i = 0; i < BATCH; ++i) {
        v[i] = make_float4(NEGATIVE_INFINITY, NEGATIVE_INFINITY, NEGATIVE_INFINITY, NEGATIVE_INFINITY);
        if (from + i < end) v[i] = __ldcg(reinterpret_cast<const float4*>(scratch + static_cast<size_t>(from + i) * S::ROWS) + lane);
      }
      add(v, all, from, 0);
      if (from < a.generationTiles * PARTS) add(v, generation, from, 1);
    }
  }

  __device__ __forceinline__ void add(const float4 (&v)[BATCH], const float4& offset, int from, int kind) {
    constexpr int LANES = S::BLOCK / 4;
    const int lane = threadIdx.x % 32;
    float x[BATCH];
#pragma unroll
    for (int i = 0; i < BATCH; ++i) {
      x[i] = (exp2_approx(v[i].x - offset.x) + exp2_approx(v[i].y - offset.y)) +
             (exp2_approx(v[i].z - offset.z) + exp2_approx(v[i].w - offset.w));
    }
    add_lanes<LANES>(x);
#pragma unroll
    for (int i = 0; i < (BATCH > LANES ? BATCH / LANES : 1); ++i) {
      const int position = from + lane % LANES * BATCH / LANES + i;
      const int j = block(position);
      if (position < positions() && j >= 0) choice.sums[(lane / LANES * 2 + kind) * SELECT_MAX_BLOCKS + j] = x[i];
    }
  }
};

template <class S>
__device__ __forceinline__ void denseAndSelect(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                               const SelectArguments& a) {
  uint32_t base;
  char* shared = aligned_shared(base);
  const Pipeline<S> pipeline(shared, base);
  const Choice<S> choice(shared, base);
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    tensor_prefetch(mapQ);
    tensor_prefetch(mapK);
    tensor_prefetch(mapV);
    choice.bars.initialise(32 * S::WARPS, 32 * S::CHOOSERS);
    pipeline.initialise();
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<56>();
    const int warp = __shfl_sync(0xFFFFFFFF, threadIdx.x / 32, 0);
    if (threadIdx.x == 0) produce(Loader<S>{mapQ, mapK, mapV, pipeline}, a);
    if (warp >= 1 && warp <= S::CHOOSERS) choose(a, choice, warp - 1);
  } else {
    registers_raise<224>();
    Selecting<S> hooks(a, choice, shared);
    consume(pipeline, a.output, a.scaleLog2, warpgroup - 1, hooks);
    hooks.end();
  }
}

}  // namespace hopper

#define HOPPER_DENSE_SELECT(NAME, ...)                                                                                    \
  extern "C" __global__ void __launch_bounds__(384, 1)                                                                    \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                            \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,      \
           int kvHeads, int ldo, float scale, int generationBlock, int promptCount, int generationCount, float* scratch,  \
           unsigned long long* words, int* counter) {                                                                     \
    using S = hopper::SelectShape<__VA_ARGS__>;                                                                           \
    const int generation = keys - generationBlock * S::BLOCK;                                                             \
    const hopper::SelectArguments a{{out, lse, ldo, heads},                                                               \
                                    keys,                                                                                 \
                                    heads / kvHeads,                                                                      \
                                    scale * hopper::LOG2E,                                                                \
                                    (keys + S::BLOCK - 1) / S::BLOCK,                                                     \
                                    generationBlock,                                                                      \
                                    promptCount,                                                                          \
                                    generationCount,                                                                      \
                                    (generation + S::KEYS - 1) / S::KEYS,                                                 \
                                    (keys - generation + S::KEYS - 1) / S::KEYS,                                          \
                                    scratch,                                                                              \
                                    reinterpret_cast<uint32_t*>(words),                                                   \
                                    counter};                                                                             \
    hopper::denseAndSelect<S>(mapQ, mapK, mapV, a);                                                                       \
  }

//                                               D   block stages
#ifndef HOPPER_VARIANTS
HOPPER_DENSE_SELECT(hopper_dense_select_d128_b128, 128, 128, 2)
HOPPER_DENSE_SELECT(hopper_dense_select_d128_b64, 128, 64, 2)
HOPPER_DENSE_SELECT(hopper_dense_select_d128_b32, 128, 32, 2)
HOPPER_DENSE_SELECT(hopper_dense_select_d64_b128, 64, 128, 4)
HOPPER_DENSE_SELECT(hopper_dense_select_d64_b64, 64, 64, 4)
HOPPER_DENSE_SELECT(hopper_dense_select_d64_b32, 64, 32, 4)
#else
#include HOPPER_VARIANTS
#endif
