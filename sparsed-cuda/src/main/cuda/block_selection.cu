// Which key blocks each query block and head keeps, from the sums that dense attention left (flash_selecting_*).
//
// importance[i][j] = sum over the rows of query block i of the sum of exp(score - lse) over the keys of block j, and the same with the
// softmax over the generation keys alone (blocks from g on), whose log-sum-exp is that of the blocks' sums. Kept are the most important
// of all blocks as far as they are below g, and the most important of the blocks from g on: each time as many as the budget of top_k.cuh
// takes. Equal importances: the lower index first. Sums are taken in a fixed order, so the same input gives the same bits.
//
//   select_blocks_b{32,64,128}   128 threads, grid (n, heads of blockSums),
//                                dynamic shared memory 4 (2 B + 256 + n + n - g + 4 ceil(n / 64)) bytes
//
// blockSums [gridDim.y][n][stride], stride >= n B a multiple of 4, 16-byte aligned: row r of query block i at i B + r, base 2
// logarithms, finite or -infinity; rows beyond the canvas do not count. lse [rows][heads], natural logarithms; words
// [heads][n][ceil(n / 64)], bit j % 64 of word j / 64; n = ceil(rows / B). All for heads firstHead .. firstHead + gridDim.y - 1 of
// `heads`. 0 <= g < n, 1 <= leastOfAll <= mostOfAll <= n, 1 <= leastGenerated <= mostGenerated <= n - g.
#include "mma.cuh"
#include "top_k.cuh"

constexpr int THREADS = 128;

template <int B>
__device__ __forceinline__ void select_blocks(const float* blockSums, int stride, const float* lse, int rows, int heads,
                                              int firstHead, int g, uint64_t* words, Budget ofAll, Budget ofGenerated) {
  constexpr int PARTS = THREADS / B;
  extern __shared__ __align__(16) float shared[];
  const int thread = threadIdx.x;
  const int head = firstHead + blockIdx.y;
  const int n = (rows + B - 1) / B;
  const int wordCount = (n + 63) / 64 * 2;  // of 32 bits
  float* denseLse = shared;                 // [B], base 2; infinite for a row that is not there
  float* generatedLse = denseLse + B;       // [B]
  float2* partial = reinterpret_cast<float2*>(generatedLse + B);  // [THREADS]: maximum, sum
  float* all = generatedLse + B + 2 * THREADS;                    // [n]
  float* generated = all + n;                                     // [n - g]
  uint32_t* bits = reinterpret_cast<uint32_t*>(generated + n - g);  // [2][wordCount]
  const int firstRow = blockIdx.x * B;
  const float* sums = blockSums + static_cast<size_t>(blockIdx.y) * n * stride + firstRow;

  float2 running = {-1e30f, 0.0f};
  auto join = [&](float maximum, float sum) {
    const float m = fmaxf(running.x, maximum);
    running = {m, running.y * power_of_2(running.x - m) + sum * power_of_2(maximum - m)};
  };
#pragma unroll 8
  for (int j = g + thread / B; j < n; j += PARTS) join(sums[static_cast<size_t>(j) * stride + thread % B], 1.0f);
  partial[thread] = running;
  __syncthreads();
  if (thread < B) {
#pragma unroll
    for (int part = 1; part < PARTS; part++) join(partial[part * B + thread].x, partial[part * B + thread].y);
    const bool there = firstRow + thread < rows;
    denseLse[thread] = there ? lse[static_cast<size_t>(firstRow + thread) * heads + head] * LOG2_E : INFINITY;
    generatedLse[thread] = there ? running.x + log2f(running.y) : INFINITY;
  }
  __syncthreads();

  auto importance = [&](int j, const float* base) {
    const float4* from = reinterpret_cast<const float4*>(sums + static_cast<size_t>(j) * stride);
    float x = 0.0f;
#pragma unroll 8
    for (int row = 0; row < B; row += 4) {
      const float4 sum = from[row / 4];
      const float4 logs = *reinterpret_cast<const float4*>(base + row);
      x += (power_of_2(sum.x - logs.x) + power_of_2(sum.y - logs.y)) + (power_of_2(sum.z - logs.z) + power_of_2(sum.w - logs.w));
    }
    return x;
  };
  for (int j = thread; j < n; j += THREADS) all[j] = importance(j, denseLse);
  for (int j = g + thread; j < n; j += THREADS) generated[j - g] = importance(j, generatedLse);
  __syncthreads();

  const int lane = thread & 31;
  const int warp = thread >> 5;
  if (warp < 2) {  // the first one chooses from all blocks, the second from the generation's
    const bool whole = warp == 0;
    const float* values = whole ? all : generated;
    const int first = whole ? 0 : g;
    Threshold threshold(values, n - first, whole ? ofAll : ofGenerated);
    for (int word = 0; word < wordCount; word++) {
      const int j = word * 32 + lane;
      const bool there = j >= first && j < n;
      const bool kept = threshold.keeps(there ? values[j - first] : 0.0f, there) && (!whole || j < g);
      const uint32_t ballot = __ballot_sync(0xffffffffu, kept);
      if (lane == 0) bits[warp * wordCount + word] = ballot;
    }
  }
  __syncthreads();
  uint32_t* row = reinterpret_cast<uint32_t*>(words) + (static_cast<size_t>(head) * n + blockIdx.x) * wordCount;
  for (int word = thread; word < wordCount; word += THREADS) row[word] = bits[word] | bits[wordCount + word];
}

#define SELECT_BLOCKS(B)                                                                                                      \
  extern "C" __global__ __launch_bounds__(THREADS) void select_blocks_b##B(                                                   \
      const float* blockSums, int stride, const float* lse, int rows, int heads, int firstHead, int g, uint64_t* words,       \
      int leastOfAll, int mostOfAll, int leastGenerated, int mostGenerated, float coverage) {                                 \
    select_blocks<B>(blockSums, stride, lse, rows, heads, firstHead, g, words, {leastOfAll, mostOfAll, coverage},             \
                     {leastGenerated, mostGenerated, coverage});                                                              \
  }

SELECT_BLOCKS(32)
SELECT_BLOCKS(64)
SELECT_BLOCKS(128)
