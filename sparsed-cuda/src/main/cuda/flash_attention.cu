// softmax(Q Kᵀ scale) V over all keys (flash_dense_*, flash_selecting_*) or over the kept blocks of keys (flash_sparse_*), bf16 with
// float32 sums, in one pass, for every GPU from sm_80.
//
// Layout: queries and output [rows, heads * D], keys and values [keyCount, kvHeads * D], rows `ld*` elements apart (multiples of
// 8), bases aligned to 16 bytes; query head h reads key/value head h / (heads / kvHeads). rows, keyCount >= 1, scale > 0. `lse`,
// if not null, becomes [rows, heads]: the natural logarithm of the sum of exp(score scale) over the keys looked at.
//
// Kernels, grid (tiles of queries, heads), at most 255 registers, no static shared memory:
//   name                    threads  rows of queries  dynamic shared memory  CTAs per multiprocessor with 228 KiB
//   flash_dense_d128            128              128                  65536                                     2
//   flash_dense_d64             128              128                  32768                                     2
//   flash_selecting_d128        128              128                  65536                                     2
//   flash_selecting_d64         128              128                  32768                                     2
//   flash_sparse_d128_b128      128              128                  65536                                     2
//   flash_sparse_d128_b64        64               64                  49152                                     4
//   flash_sparse_d128_b32        32               32                  24576                                     8
//   flash_sparse_d64_b128       128              128                  32768                                     2
//   flash_sparse_d64_b64         64               64                  32768                                     4
//   flash_sparse_d64_b32         32               32                  16384                                     8
// grid.x of flash_dense_* is ceil(rows / 128), of flash_sparse_* the number of entries of `tiles`: {first row, rows (1 .. B),
// query block, 0}. `kept` [heads][blocks][blocks] lists the kept key blocks of a query block in ascending order, `keptCount`
// [heads][blocks] >= 1 says how many there are; blocks = ceil(keyCount / B).
//
// flash_selecting_* are dense attention of the canvas, rows = keyCount, for heads firstHead .. firstHead + gridDim.y - 1 of `heads`.
// They leave what block_selection.cu wants: blockSums [gridDim.y][blocks][grid.x * 128], the base 2 logarithm of the sum of
// exp(score scale) over the keys of a block of 2^blockShift = 32, 64 or 128, for every row. They go through the keys backwards: the generation
// lies last, so its sums are taken relative to a maximum over the generation alone and do not underflow beside the prompt's.
//
// A warp owns 32 rows of queries, whose fragments stay in registers, so that every fragment of keys or values that it loads from
// shared memory feeds four products. It goes through a tile STEP_KEYS keys at a time: scores, probabilities, output. Fragments
// are loaded AHEAD of their use, because two warps per scheduler (all that 255 registers allow) do not hide the latency of
// shared memory by themselves.
//
// The maximum of a row only keeps exp2 in range. So it is raised, and the row's sums are rescaled, only where a score passes it
// by more than SLACK (a power of 2): one vote per step instead of reductions and products for every row.
#include "mma.cuh"

constexpr float SLACK = 8.0f;

// Where the sums of blocks of keys go: row r of the CTA and block j at first[j * stride + r].
struct BlockSums {
  float* first;
  int stride;
  int blockShift;  // log2 of the block size
};

// Adds up what the four lanes of a row hold.
__device__ __forceinline__ float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// Of the four rows that four lanes share, each lane's own one: lane 4 g + 2 h + r has row 16 h + 8 r + g of the warp.
__device__ __forceinline__ float own_row(const float (&x)[2][2]) {
  const float r0 = threadIdx.x & 2 ? x[1][0] : x[0][0];
  const float r1 = threadIdx.x & 2 ? x[1][1] : x[0][1];
  return threadIdx.x & 1 ? r1 : r0;
}

// Adds up what the four lanes of each row hold, for each lane its own row.
__device__ __forceinline__ float own_row_sum(const float (&x)[2][2]) {
  const bool h = threadIdx.x & 2, r = threadIdx.x & 1;
  const float r0 = (h ? x[1][0] : x[0][0]) + __shfl_xor_sync(0xffffffffu, h ? x[0][0] : x[1][0], 2);
  const float r1 = (h ? x[1][1] : x[0][1]) + __shfl_xor_sync(0xffffffffu, h ? x[0][1] : x[1][1], 2);
  return (r ? r1 : r0) + __shfl_xor_sync(0xffffffffu, r ? r0 : r1, 1);
}

// The rows of one CTA. BLOCK 0: all keys. STAGES tiles of TILE_KEYS keys and values form a ring in shared memory.
template <int D, int WARPS, int TILE_KEYS, int STAGES, int STEP_KEYS, int AHEAD, int BLOCK, bool SUMS>
__device__ __forceinline__ void attend(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                       bf16* out, int ldo, float* lse, int keyCount, float scale, int rows,
                                       const uint16_t* kept, int keptCount, int heads, BlockSums sums) {
  constexpr int THREADS = 32 * WARPS;
  constexpr int TILE = TILE_KEYS * 2 * D;
  constexpr int STAGE = 2 * TILE;
  constexpr int STEPS = TILE_KEYS / STEP_KEYS;
  constexpr int QUERIES = STAGES * STAGE - WARPS * 64 * D;  // the queries pass through the end of the ring
  constexpr int EARLY = QUERIES / STAGE < STAGES - 1 ? QUERIES / STAGE : STAGES - 1;  // tiles beside them
  extern __shared__ __align__(1024) uint8_t shared[];  // of which the swizzle needs 256
  const uint32_t ring = shared_address(shared);
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;

  auto synchronize = [] {
    if (WARPS == 1)
      __syncwarp();
    else
      __syncthreads();
  };

  // Keys are numbered as if the kept blocks lay side by side; only the last tile can be incomplete.
  const int total =
      BLOCK == 0 ? keyCount : (keptCount - 1) * BLOCK + min(BLOCK, keyCount - kept[keptCount - 1] * BLOCK);
  const int tiles = (total + TILE_KEYS - 1) / TILE_KEYS;

  auto load = [&](int number, int stage) {
    const int tile = SUMS ? tiles - 1 - number : number;
    const uint32_t to = ring + stage * STAGE;
    const int left = total - tile * TILE_KEYS;
    if constexpr (BLOCK == 0 || BLOCK >= TILE_KEYS) {
      const int at = tile * TILE_KEYS;
      const int key = BLOCK == 0 ? at : kept[at / max(BLOCK, 1)] * BLOCK + at % max(BLOCK, 1);
      copy_rows<D, THREADS, TILE_KEYS>(to, keys + static_cast<size_t>(key) * ldk, ldk, left);
      copy_rows<D, THREADS, TILE_KEYS>(to + TILE, values + static_cast<size_t>(key) * ldv, ldv, left);
    } else {
#pragma unroll
      for (int part = 0; part < TILE_KEYS / BLOCK; part++) {
        const int valid = left - part * BLOCK;
        const int key = valid > 0 ? kept[tile * (TILE_KEYS / BLOCK) + part] * BLOCK : 0;
        const uint32_t at = to + part * BLOCK * 2 * D;
        copy_rows<D, THREADS, BLOCK>(at, keys + static_cast<size_t>(key) * ldk, ldk, valid);
        copy_rows<D, THREADS, BLOCK>(at + TILE, values + static_cast<size_t>(key) * ldv, ldv, valid);
      }
    }
  };

  copy_rows<D, THREADS, WARPS * 32>(ring + QUERIES, queries, ldq, rows);
  copies_commit();
#pragma unroll
  for (int i = 0; i < EARLY; i++) {
    if (i < tiles) load(i, i);
    copies_commit();
  }
  copies_wait<EARLY>();
  synchronize();
  Queries<D> q;
  q.load(ring + QUERIES + warp * 64 * D);
  if constexpr (EARLY < STAGES - 1) {
    synchronize();
#pragma unroll
    for (int i = EARLY; i < STAGES - 1; i++) {
      if (i < tiles) load(i, i);
      copies_commit();
    }
  }

  // Element e of a fragment of half h is in row 16 h + 8 (e / 2) + lane / 4 of the warp.
  float o[2][D / 8][4] = {};
  constexpr float NONE = SUMS ? 1e30f : INFINITY;           // finite where the first step may be masked altogether
  float base[2][2] = {{NONE, NONE}, {NONE, NONE}};          // minus the maximum of score * scale, a power of 2
  float sum[2][2] = {};                                     // this lane's columns only; SUMS: of the block at hand
  float complete = 0.0f;                                    // SUMS: of all columns of the blocks before, of the lane's own row

  // Masks columns from `valid` on and raises the maxima where it must be.
  auto settle = [&](float(&s)[2][STEP_KEYS / 8][4], int valid) {
    if (valid < STEP_KEYS) mask_columns<STEP_KEYS>(s, valid);
    float top[2][2];
    float excess = -INFINITY;
#pragma unroll
    for (int h = 0; h < 2; h++)
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float m = fmaxf(s[h][0][2 * r], s[h][0][2 * r + 1]);
#pragma unroll
        for (int j = 1; j < STEP_KEYS / 8; j++) m = fmaxf(m, fmaxf(s[h][j][2 * r], s[h][j][2 * r + 1]));
        top[h][r] = m;
        excess = fmaxf(excess, fmaf(m, scale, base[h][r]));
      }
    if (__any_sync(0xffffffffu, excess > SLACK)) {
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float m = fminf(-top[h][r] * scale, base[h][r]);
          m = fminf(m, __shfl_xor_sync(0xffffffffu, m, 1));
          m = fminf(m, __shfl_xor_sync(0xffffffffu, m, 2));
          const float factor = power_of_2(m - base[h][r]);
          base[h][r] = m;
          sum[h][r] *= factor;
          if (SUMS && (lane & 3) == 2 * h + r) complete *= factor;
#pragma unroll
          for (int j = 0; j < D / 8; j++) {
            o[h][j][2 * r] *= factor;
            o[h][j][2 * r + 1] *= factor;
          }
        }
    }
  };

  constexpr int LOADS = D / 16 * (STEP_KEYS / 16);  // of fragments for the scores of a step, and as many for the output
  uint32_t fragments[AHEAD][4];
  int stage = 0;
  for (int tile = 0; tile < tiles; tile++) {
    copies_wait<STAGES - 2>();
    synchronize();  // the tile is there, and all warps are done with the one before
    const uint32_t keyTile = keys_address<D>(ring + stage * STAGE);
    const uint32_t valueTile = rows_address<D>(ring + stage * STAGE + TILE);
    // Fragment i of this tile: per step LOADS of keys, then LOADS of values.
    auto fetch = [&](int i) {
      if (i / (2 * LOADS) >= STEPS) return;
      const int step = SUMS ? STEPS - 1 - i / (2 * LOADS) : i / (2 * LOADS);
      const int at = i % LOADS;
      if (i % (2 * LOADS) < LOADS)
        load_keys<D, STEP_KEYS>(fragments[i % AHEAD], keyTile + step * STEP_KEYS * 2 * D, at);
      else
        load_matrices_transposed(fragments[i % AHEAD], columns(valueTile, at / (STEP_KEYS / 16)) +
                                                           (step * STEP_KEYS + at % (STEP_KEYS / 16) * 16) * 2 * D);
    };
#pragma unroll
    for (int i = 0; i < AHEAD; i++) fetch(i);
    if (tile + STAGES - 1 < tiles) load(tile + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
    copies_commit();
#pragma unroll
    for (int step = 0; step < STEPS; step++) {
      float s[2][STEP_KEYS / 8][4];
      clear<STEP_KEYS>(s);
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        q.template multiply<STEP_KEYS>(s, i, fragments[(step * 2 * LOADS + i) % AHEAD]);
        fetch(step * 2 * LOADS + i + AHEAD);
      }
      const int key = SUMS ? (tiles - tile) * TILE_KEYS - (step + 1) * STEP_KEYS : tile * TILE_KEYS + step * STEP_KEYS;
      settle(s, total - key);
      uint32_t p[2][STEP_KEYS / 16][4];
#pragma unroll
      for (int j = 0; j < STEP_KEYS / 8; j++)
#pragma unroll
        for (int h = 0; h < 2; h++)
#pragma unroll
          for (int r = 0; r < 2; r++) {
            const float a = power_of_2(fmaf(s[h][j][2 * r], scale, base[h][r]));
            const float b = power_of_2(fmaf(s[h][j][2 * r + 1], scale, base[h][r]));
            sum[h][r] += a + b;
            p[h][j / 2][2 * (j & 1) + r] = pack(a, b);
          }
      if constexpr (SUMS) {
        if ((key & ((1 << sums.blockShift) - 1)) == 0 && key < total) {
          const float x = own_row_sum(sum);
          complete += x;
#pragma unroll
          for (int i = 0; i < 4; i++) sum[i / 2][i % 2] = 0.0f;
          sums.first[static_cast<size_t>(key >> sums.blockShift) * sums.stride + warp * 32 + 8 * (lane & 3) + lane / 4] =
              log2_approx(x) - own_row(base);
        }
      }
#pragma unroll
      for (int i = 0; i < LOADS; i++) {
        const int d = i / (STEP_KEYS / 16);
        const int k = i % (STEP_KEYS / 16);
        const uint32_t(&v)[4] = fragments[(step * 2 * LOADS + LOADS + i) % AHEAD];
#pragma unroll
        for (int h = 0; h < 2; h++) {
          multiply_add(o[h][2 * d], p[h][k], v[0], v[1]);
          multiply_add(o[h][2 * d + 1], p[h][k], v[2], v[3]);
        }
        fetch(step * 2 * LOADS + LOADS + i + AHEAD);
      }
    }
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }

  // Through shared memory, each warp its own rows, to store 16 bytes at a time.
  synchronize();
  uint8_t* own = shared + warp * 64 * D;
#pragma unroll
  for (int h = 0; h < 2; h++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      const float rowSum = SUMS ? __shfl_sync(0xffffffffu, complete, (lane & ~3) | (2 * h + r)) : row_sum(sum[h][r]);
      const float factor = 1.0f / rowSum;
      const int row = 16 * h + 8 * r + lane / 4;
      if (lse != nullptr && (lane & 3) == 0 && warp * 32 + row < rows)
        lse[static_cast<size_t>(warp * 32 + row) * heads] = (log2f(rowSum) - base[h][r]) * LN_2;
#pragma unroll
      for (int j = 0; j < D / 8; j++)
        *reinterpret_cast<uint32_t*>(own + row * 2 * D + ((j ^ (row & 7)) << 4) + (lane & 3) * 4) =
            pack(o[h][j][2 * r] * factor, o[h][j][2 * r + 1] * factor);
    }
  __syncwarp();
  constexpr int CHUNKS = D / 8;
#pragma unroll
  for (int i = 0; i < CHUNKS; i++) {
    const int row = i * (32 / CHUNKS) + lane / CHUNKS;
    const int chunk = lane % CHUNKS;
    if (warp * 32 + row < rows)
      *reinterpret_cast<uint4*>(out + static_cast<size_t>(warp * 32 + row) * ldo + chunk * 8) =
          *reinterpret_cast<const uint4*>(own + row * 2 * D + ((chunk ^ (row & 7)) << 4));
  }
}

template <int D, int WARPS, int TILE_KEYS, int STAGES, int STEP_KEYS, int AHEAD>
__device__ __forceinline__ void dense(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                      bf16* out, int ldo, float* lse, int rows, int keyCount, int kvHeads, float scale) {
  const int head = blockIdx.y;
  const int kvHead = head / (gridDim.y / kvHeads);
  const size_t first = static_cast<size_t>(blockIdx.x) * (32 * WARPS);
  attend<D, WARPS, TILE_KEYS, STAGES, STEP_KEYS, AHEAD, 0, false>(
      queries + first * ldq + head * D, ldq, keys + kvHead * D, ldk, values + kvHead * D, ldv, out + first * ldo + head * D, ldo,
      lse == nullptr ? nullptr : lse + first * gridDim.y + head, keyCount, scale * LOG2_E, rows - static_cast<int>(first),
      nullptr, 0, gridDim.y, {});
}

template <int D, int WARPS, int TILE_KEYS, int STAGES, int STEP_KEYS, int AHEAD>
__device__ __forceinline__ void selecting(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                          bf16* out, int ldo, float* lse, int rows, int heads, int firstHead, int kvHeads,
                                          float scale, float* blockSums, int blockShift) {
  constexpr int ROWS = 32 * WARPS;
  const int head = firstHead + blockIdx.y;
  const int kvHead = head / (heads / kvHeads);
  const size_t first = static_cast<size_t>(blockIdx.x) * ROWS;
  const int stride = gridDim.x * ROWS;
  const int blocks = ((rows - 1) >> blockShift) + 1;
  attend<D, WARPS, TILE_KEYS, STAGES, STEP_KEYS, AHEAD, 0, true>(
      queries + first * ldq + head * D, ldq, keys + kvHead * D, ldk, values + kvHead * D, ldv, out + first * ldo + head * D, ldo,
      lse + first * heads + head, rows, scale * LOG2_E, rows - static_cast<int>(first), nullptr, 0,
      heads, {blockSums + static_cast<size_t>(blockIdx.y) * blocks * stride + first, stride, blockShift});
}

template <int D, int TILE_KEYS, int STAGES, int STEP_KEYS, int AHEAD, int BLOCK>
__device__ __forceinline__ void sparse(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                       bf16* out, int ldo, float* lse, int keyCount, int kvHeads, float scale,
                                       const int4* tiles, const uint16_t* kept, const int* keptCount) {
  const int head = blockIdx.y;
  const int kvHead = head / (gridDim.y / kvHeads);
  const int4 tile = tiles[blockIdx.x];
  const int blocks = (keyCount + BLOCK - 1) / BLOCK;
  const size_t list = static_cast<size_t>(head) * blocks + tile.z;
  const size_t first = tile.x;
  attend<D, BLOCK / 32, TILE_KEYS, STAGES, STEP_KEYS, AHEAD, BLOCK, false>(
      queries + first * ldq + head * D, ldq, keys + kvHead * D, ldk, values + kvHead * D, ldv, out + first * ldo + head * D, ldo,
      lse == nullptr ? nullptr : lse + first * gridDim.y + head, keyCount, scale * LOG2_E, tile.y, kept + list * blocks,
      keptCount[list], gridDim.y, {});
}

#define FLASH_DENSE(D, WARPS, TILE, STAGES, STEP, AHEAD, CTAS, NAME)                                                         \
  extern "C" __global__ __launch_bounds__(32 * WARPS, CTAS) void NAME(                                                     \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv, bf16* out, int ldo, float* lse, \
      int rows, int keyCount, int kvHeads, float scale) {                                                                  \
    dense<D, WARPS, TILE, STAGES, STEP, AHEAD>(queries, ldq, keys, ldk, values, ldv, out, ldo, lse, rows, keyCount,        \
                                               kvHeads, scale);                                                            \
  }

#define FLASH_SELECTING(D, WARPS, TILE, STAGES, STEP, AHEAD, CTAS, NAME)                                                     \
  extern "C" __global__ __launch_bounds__(32 * WARPS, CTAS) void NAME(                                                     \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv, bf16* out, int ldo, float* lse, \
      int rows, int heads, int firstHead, int kvHeads, float scale, float* blockSums, int blockShift) {                    \
    selecting<D, WARPS, TILE, STAGES, STEP, AHEAD>(queries, ldq, keys, ldk, values, ldv, out, ldo, lse, rows, heads,        \
                                                   firstHead, kvHeads, scale, blockSums, blockShift);                      \
  }

#define FLASH_SPARSE(D, BLOCK, TILE, STAGES, STEP, AHEAD, CTAS, NAME)                                                      \
  extern "C" __global__ __launch_bounds__(BLOCK, CTAS) void NAME(                                                          \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv, bf16* out, int ldo, float* lse, \
      int keyCount, int kvHeads, float scale, const int4* tiles, const uint16_t* kept, const int* keptCount) {             \
    sparse<D, TILE, STAGES, STEP, AHEAD, BLOCK>(queries, ldq, keys, ldk, values, ldv, out, ldo, lse, keyCount, kvHeads,    \
                                                scale, tiles, kept, keptCount);                                            \
  }

FLASH_DENSE(128, 4, 64, 2, 16, 5, 2, flash_dense_d128)
FLASH_DENSE(64, 4, 64, 2, 32, 3, 2, flash_dense_d64)
FLASH_SELECTING(128, 4, 64, 2, 16, 4, 2, flash_selecting_d128)
FLASH_SELECTING(64, 4, 64, 2, 32, 3, 2, flash_selecting_d64)
FLASH_SPARSE(128, 128, 64, 2, 16, 5, 2, flash_sparse_d128_b128)
FLASH_SPARSE(128, 64, 32, 3, 16, 4, 4, flash_sparse_d128_b64)
FLASH_SPARSE(128, 32, 16, 3, 16, 4, 8, flash_sparse_d128_b32)
FLASH_SPARSE(64, 128, 64, 2, 32, 3, 2, flash_sparse_d64_b128)
FLASH_SPARSE(64, 64, 64, 2, 32, 3, 4, flash_sparse_d64_b64)
FLASH_SPARSE(64, 32, 32, 2, 32, 3, 8, flash_sparse_d64_b32)
