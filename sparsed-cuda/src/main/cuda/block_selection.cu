// Which key blocks each query block and head keeps (select_*).
//
// importance[i][j] = sum of exp(score - lse) over the rows of query block i and the columns of key block j, lse from the dense
// pass, and the same with the softmax over the generation keys alone (columns from g B on). Kept are the k1 most important of
// all blocks as far as they are below g, and the k2 most important of the blocks from g on. Equal importances: the lower index
// first. Sums are taken in a fixed order, so the same input gives the same bits.
//
// Layout: queries [rows, heads * D] and keys [rows, kvHeads * D], rows `ld*` elements apart (multiples of 8), bases aligned to 16
// bytes; lse [rows, heads], natural logarithms; words [heads][n][ceil(n / 64)], bit j % 64 of word j / 64; n = ceil(rows / B).
// 0 <= g < n, 1 <= k1 <= n, 1 <= k2 <= n - g, scale > 0.
//
//   select_d{64,128}_b{32,64,128}   128 threads, grid (ceil(rows / 128), heads), at most 168 registers,
//                                   dynamic shared memory 384 D + 16 (n + n - g) bytes, which is what limits n
//
// A CTA owns 128 rows of queries, a warp 32 of them as in flash_attention.cu, and streams the keys twice: the generation keys for
// the log-sum-exp of each row over them, then all keys. Each warp adds up its rows' part of every importance in shared memory;
// then one warp per query block adds the parts and finds the k-th largest bit by bit.
#include "mma.cuh"
#include "top_k.cuh"

constexpr int WARPS = 4;
constexpr int ROWS = 32 * WARPS;
constexpr int TILE_KEYS = 64;
constexpr int STEP_KEYS = 32;
constexpr int STAGES = 3;
constexpr int AHEAD = 2;  // fragments of keys on their way from shared memory
constexpr int STEPS = TILE_KEYS / STEP_KEYS;

using Scores = float[2][STEP_KEYS / 8][4];  // of a warp's 32 rows of queries: half, fragment, element

template <int D, int BLOCK>
__device__ __forceinline__ void select(const bf16* queries, int ldq, const bf16* keys, int ldk, const float* lse, int rows,
                                       int kvHeads, float scale, int g, int k1, int k2, uint64_t* words) {
  constexpr int TILE = TILE_KEYS * 2 * D;
  constexpr int WARPS_PER_BLOCK = BLOCK / 32;
  extern __shared__ __align__(1024) uint8_t shared[];
  const uint32_t ring = shared_address(shared);
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;
  const int head = blockIdx.y;
  const int n = (rows + BLOCK - 1) / BLOCK;
  float* all = reinterpret_cast<float*>(shared + STAGES * TILE);  // [WARPS][n]
  float* generated = all + WARPS * n;                             // [WARPS][n - g]
  queries += static_cast<size_t>(blockIdx.x) * ROWS * ldq + head * D;
  keys += head / (gridDim.y / kvHeads) * D;
  scale *= LOG2_E;

  copy_rows<D, ROWS, ROWS>(ring, queries, ldq, rows - blockIdx.x * ROWS);
  copies_commit();
  copies_wait<0>();
  __syncthreads();
  Queries<D> q;
  q.load(ring + warp * 64 * D);

  // Goes through the keys from `first` on, STEP_KEYS at a time: use(scores, first key).
  auto stream = [&](int first, auto&& use) {
    const int tiles = (rows - first + TILE_KEYS - 1) / TILE_KEYS;
    auto load = [&](int tile, int stage) {
      const int key = first + tile * TILE_KEYS;
      copy_rows<D, ROWS, TILE_KEYS>(ring + stage * TILE, keys + static_cast<size_t>(key) * ldk, ldk, rows - key);
    };
    __syncthreads();  // nobody reads the ring any more
#pragma unroll
    for (int i = 0; i < STAGES - 1; i++) {
      if (i < tiles) load(i, i);
      copies_commit();
    }
    int stage = 0;
    for (int tile = 0; tile < tiles; tile++) {
      copies_wait<STAGES - 2>();
      __syncthreads();  // the tile is there, and all warps are done with the one before
      const uint32_t address = keys_address<D>(ring + stage * TILE);
      constexpr int LOADS = D / 16 * (STEP_KEYS / 16);  // of fragments of a step
      uint32_t fragments[AHEAD][4];
      auto fetch = [&](int i) {
        if (i < STEPS * LOADS)
          load_keys<D, STEP_KEYS>(fragments[i % AHEAD], address + i / LOADS * STEP_KEYS * 2 * D, i % LOADS);
      };
#pragma unroll
      for (int i = 0; i < AHEAD; i++) fetch(i);
      if (tile + STAGES - 1 < tiles) load(tile + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
      copies_commit();
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        const int key = first + tile * TILE_KEYS + step * STEP_KEYS;
        if (step > 0 && key >= rows) break;
        Scores s;
        clear<STEP_KEYS>(s);
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
          q.template multiply<STEP_KEYS>(s, i, fragments[(step * LOADS + i) % AHEAD]);
          fetch(step * LOADS + i + AHEAD);
        }
        if (key + STEP_KEYS > rows) mask_columns<STEP_KEYS>(s, rows - key);
        use(s, key);
      }
      stage = stage + 1 == STAGES ? 0 : stage + 1;
    }
  };

  // Log-sum-exp of the generation keys, powers of 2. Each lane has its own maxima over its columns until the end.
  float generatedLse[2][2];
  {
    float maximum[2][2], sum[2][2];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      maximum[i / 2][i % 2] = -1e30f;  // finite: a lane may see masked columns only
      sum[i / 2][i % 2] = 0.0f;
    }
    stream(g * BLOCK, [&](Scores& s, int) {
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float m = fmaxf(s[h][0][2 * r], s[h][0][2 * r + 1]);
#pragma unroll
          for (int j = 1; j < STEP_KEYS / 8; j++) m = fmaxf(m, fmaxf(s[h][j][2 * r], s[h][j][2 * r + 1]));
          m = fmaxf(maximum[h][r], m * scale);
          float added = 0.0f;
#pragma unroll
          for (int j = 0; j < STEP_KEYS / 8; j++)
            added += power_of_2(fmaf(s[h][j][2 * r], scale, -m)) + power_of_2(fmaf(s[h][j][2 * r + 1], scale, -m));
          sum[h][r] = sum[h][r] * power_of_2(maximum[h][r] - m) + added;
          maximum[h][r] = m;
        }
    });
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float m = maximum[h][r];
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
        m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
        float l = sum[h][r] * power_of_2(maximum[h][r] - m);
        l += __shfl_xor_sync(0xffffffffu, l, 1);
        l += __shfl_xor_sync(0xffffffffu, l, 2);
        generatedLse[h][r] = m + log2f(l);
      }
  }

  float denseLse[2][2];
#pragma unroll
  for (int h = 0; h < 2; h++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const int row = blockIdx.x * ROWS + warp * 32 + 16 * h + 8 * r + lane / 4;
      denseLse[h][r] = row < rows ? lse[static_cast<size_t>(row) * gridDim.y + head] * LOG2_E : INFINITY;
      if (row >= rows) generatedLse[h][r] = INFINITY;  // no row, no importance
    }

  auto probabilities = [&](const Scores& s, const float(&base)[2][2]) {
    float sum[2][2] = {};
#pragma unroll
    for (int j = 0; j < STEP_KEYS / 8; j++)
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int e = 0; e < 4; e++) sum[h][e / 2] += power_of_2(fmaf(s[h][j][e], scale, -base[h][e / 2]));
    return (sum[0][0] + sum[0][1]) + (sum[1][0] + sum[1][1]);
  };
  auto store = [&](float* to, float sum) {
#pragma unroll
    for (int i = 16; i > 0; i /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, i);
    if (lane == 0) *to = sum;
  };
  float sumAll = 0.0f;
  float sumGenerated = 0.0f;
  stream(0, [&](Scores& s, int key) {
    const int block = key / BLOCK;
    sumAll += probabilities(s, denseLse);
    if (block >= g) sumGenerated += probabilities(s, generatedLse);
    if ((key + STEP_KEYS) % BLOCK == 0 || key + STEP_KEYS >= rows) {
      store(all + warp * n + block, sumAll);
      sumAll = 0.0f;
      if (block >= g) store(generated + warp * (n - g) + block - g, sumGenerated);
      sumGenerated = 0.0f;
    }
  });
  __syncthreads();

  // One warp per query block from here on.
  const int queryBlock = blockIdx.x * (ROWS / BLOCK) + warp / WARPS_PER_BLOCK;
  if (warp % WARPS_PER_BLOCK != 0 || queryBlock >= n) return;
  float* importance = all + warp * n;
  float* importanceGenerated = generated + warp * (n - g);
  for (int w = 1; w < WARPS_PER_BLOCK; w++) {
    for (int j = lane; j < n; j += 32) importance[j] += importance[w * n + j];
    for (int j = lane; j < n - g; j += 32) importanceGenerated[j] += importanceGenerated[w * (n - g) + j];
  }
  __syncwarp();
  Threshold first(importance, n, k1);
  Threshold second(importanceGenerated, n - g, k2);
  const int wordCount = (n + 63) / 64;
  uint64_t* row = words + (static_cast<size_t>(head) * n + queryBlock) * wordCount;
  for (int word = 0; word < wordCount; word++) {
    uint64_t bits = 0;
#pragma unroll
    for (int part = 0; part < 2; part++) {
      const int j = word * 64 + part * 32 + lane;
      const bool inPrompt = first.keeps(j < n ? importance[j] : 0.0f, j < n) && j < g;
      const bool there = j >= g && j < n;
      const bool inGeneration = second.keeps(there ? importanceGenerated[j - g] : 0.0f, there);
      bits |= static_cast<uint64_t>(__ballot_sync(0xffffffffu, inPrompt || inGeneration)) << (32 * part);
    }
    if (lane == 0) row[word] = bits;
  }
}

#define SELECT(D, BLOCK, CTAS)                                                                                               \
  extern "C" __global__ __launch_bounds__(ROWS, CTAS) void select_d##D##_b##BLOCK(                                           \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const float* lse, int rows, int kvHeads, float scale, int g,  \
      int k1, int k2, uint64_t* words) {                                                                                     \
    select<D, BLOCK>(queries, ldq, keys, ldk, lse, rows, kvHeads, scale, g, k1, k2, words);                                  \
  }

SELECT(128, 128, 3)
SELECT(128, 64, 3)
SELECT(128, 32, 3)
SELECT(64, 128, 3)
SELECT(64, 64, 3)
SELECT(64, 32, 3)
