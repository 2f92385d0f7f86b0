// softmax(Q Kᵀ scale) V over all keys (flash_dense_*) or over the kept blocks of keys (flash_sparse_*), bf16 with float32 sums,
// one pass, for every GPU from sm_80.
//
// Layout: queries and output [rows, heads * D], keys and values [keys, kvHeads * D], rows `ld*` elements apart (multiples of 8),
// bases aligned to 16 bytes; query head h reads key/value head h / (heads / kvHeads). scale > 0. lse, if not null, becomes
// [rows, heads]: the natural logarithm of the sum of exp(score scale) over the keys looked at. rows, keys >= 1.
//
// Kernels, with THREADS = 32 WARPS, grid (tiles of queries, heads), dynamic shared memory SHARED bytes, at most 255 registers:
//   flash_dense_d128       WARPS 4, SHARED 65536; grid.x = ceil(rows / 128)
//   flash_dense_d64        WARPS 4, SHARED 32768; grid.x = ceil(rows / 128)
//   flash_sparse_dD_bB     WARPS B / 32, SHARED 512 D; grid.x = number of entries of `tiles`
// `tiles` holds {first row, rows (1 .. B), query block, 0}; `kept` [heads][blocks][blocks] lists the kept key blocks of a query
// block in ascending order, `keptCount` [heads][blocks] >= 1 how many there are; blocks = ceil(keys / B).
//
// A warp owns 32 rows of queries, whose fragments stay in registers, so that every fragment of K and V that it loads from shared
// memory feeds four products. It goes through the keys 32 at a time. The running maximum of a row is raised, and its sums are
// rescaled, only where a score passes it by more than 2^SLACK: the maximum merely keeps exp2 in range, so any bound does.
#include "mma.cuh"

constexpr float SLACK = 8.0f;

// One CTA's rows. BLOCK 0: all keys. STAGES tiles of TILE_KEYS keys and values form a ring in shared memory.
template <int D, int WARPS, int TILE_KEYS, int STAGES, int STEP_KEYS, int KEPT, int BLOCK>
__device__ __forceinline__ void attend(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                       bf16* out, int ldo, float* lse, int keyCount, float scale, int rows,
                                       const uint16_t* kept, int keptCount) {
  constexpr int THREADS = 32 * WARPS;
  constexpr int TILE = TILE_KEYS * 2 * D;
  constexpr int STAGE = 2 * TILE;
  constexpr int QUERIES = STAGES * STAGE - WARPS * 32 * 2 * D;  // the queries pass through the end of the ring
  constexpr int EARLY = QUERIES / STAGE < STAGES - 1 ? QUERIES / STAGE : STAGES - 1;
  extern __shared__ __align__(1024) uint8_t shared[];
  const uint32_t ring = shared_address(shared);
  const int lane = threadIdx.x & 31;
  const int warp = threadIdx.x >> 5;

  // Keys are numbered as if the kept blocks lay side by side; only the last tile can be incomplete.
  const int total =
      BLOCK == 0 ? keyCount : (keptCount - 1) * BLOCK + min(BLOCK, keyCount - kept[keptCount - 1] * BLOCK);
  const int tiles = (total + TILE_KEYS - 1) / TILE_KEYS;

  auto load = [&](int tile, int stage) {
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
  __syncthreads();
  Queries<D, KEPT> q;
  q.load(ring + QUERIES + warp * 32 * 2 * D, ring + STAGES * STAGE + warp * Queries<D, KEPT>::FETCHED_BYTES);
  if constexpr (EARLY < STAGES - 1) {
    __syncthreads();
#pragma unroll
    for (int i = EARLY; i < STAGES - 1; i++) {
      if (i < tiles) load(i, i);
      copies_commit();
    }
  }

  // Element e of a fragment of half h is in row 16 h + 8 (e / 2) + lane / 4 of the warp.
  float o[2][D / 8][4] = {};
  float maximum[2][2] = {{-INFINITY, -INFINITY}, {-INFINITY, -INFINITY}};  // of score * scale, a power of 2
  float sum[2][2] = {};                                                    // this lane's columns only
  int stage = 0;
  for (int tile = 0; tile < tiles; tile++) {
    copies_wait<STAGES - 2>();
    __syncthreads();  // the tile is there, and all warps are done with the one before
    if (tile + STAGES - 1 < tiles) load(tile + STAGES - 1, stage == 0 ? STAGES - 1 : stage - 1);
    copies_commit();
    const uint32_t keyTile = keys_address<D>(ring + stage * STAGE);
    const uint32_t valueTile = rows_address<D>(ring + stage * STAGE + TILE);
    const int valid = total - tile * TILE_KEYS;
#pragma unroll
    for (int step = 0; step < TILE_KEYS / STEP_KEYS; step++) {
      if (step > 0 && valid <= step * STEP_KEYS) break;
      float s[2][STEP_KEYS / 8][4];
      q.template scores<STEP_KEYS>(s, keyTile + step * STEP_KEYS * 2 * D);
      if (valid < (step + 1) * STEP_KEYS) mask_columns<STEP_KEYS>(s, valid - step * STEP_KEYS);

      float top[2][2];
      bool raise = false;
#pragma unroll
      for (int h = 0; h < 2; h++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float m = fmaxf(s[h][0][2 * r], s[h][0][2 * r + 1]);
#pragma unroll
          for (int j = 1; j < STEP_KEYS / 8; j++) m = fmaxf(m, fmaxf(s[h][j][2 * r], s[h][j][2 * r + 1]));
          top[h][r] = m * scale;
          raise |= top[h][r] > maximum[h][r] + SLACK;
        }
      if (__any_sync(0xffffffffu, raise)) {
#pragma unroll
        for (int h = 0; h < 2; h++)
#pragma unroll
          for (int r = 0; r < 2; r++) {
            float m = fmaxf(top[h][r], maximum[h][r]);
            m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 1));
            m = fmaxf(m, __shfl_xor_sync(0xffffffffu, m, 2));
            const float factor = power_of_2(maximum[h][r] - m);
            maximum[h][r] = m;
            sum[h][r] *= factor;
#pragma unroll
            for (int j = 0; j < D / 8; j++) {
              o[h][j][2 * r] *= factor;
              o[h][j][2 * r + 1] *= factor;
            }
          }
      }
      uint32_t p[2][STEP_KEYS / 16][4];
#pragma unroll
      for (int j = 0; j < STEP_KEYS / 8; j++)
#pragma unroll
        for (int h = 0; h < 2; h++)
#pragma unroll
          for (int r = 0; r < 2; r++) {
            const float a = power_of_2(fmaf(s[h][j][2 * r], scale, -maximum[h][r]));
            const float b = power_of_2(fmaf(s[h][j][2 * r + 1], scale, -maximum[h][r]));
            sum[h][r] += a + b;
            p[h][j / 2][2 * (j & 1) + r] = pack(a, b);
          }
#pragma unroll
      for (int d = 0; d < D / 16; d++)
#pragma unroll
        for (int k = 0; k < STEP_KEYS / 16; k++) {
          uint32_t v[4];
          load_matrices_transposed(v, (valueTile ^ (d * 32)) + (step * STEP_KEYS + 16 * k) * 2 * D);
#pragma unroll
          for (int h = 0; h < 2; h++) {
            multiply_add(o[h][2 * d], p[h][k], v[0], v[1]);
            multiply_add(o[h][2 * d + 1], p[h][k], v[2], v[3]);
          }
        }
    }
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }

  // Through shared memory, each warp its own rows, to store 16 bytes at a time.
  __syncthreads();
  const uint32_t mine = WARPS * 32 * 2 * D <= STAGES * STAGE ? warp * 32 * 2 * D : 0;
#pragma unroll
  for (int h = 0; h < 2; h++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float total_ = sum[h][r];
      total_ += __shfl_xor_sync(0xffffffffu, total_, 1);
      total_ += __shfl_xor_sync(0xffffffffu, total_, 2);
      const float factor = 1.0f / total_;
      const int row = 16 * h + 8 * r + lane / 4;
      if (lse != nullptr && (lane & 3) == 0 && warp * 32 + row < rows)
        lse[static_cast<size_t>(warp * 32 + row) * gridDim.y] = (maximum[h][r] + log2f(total_)) * LN_2;
#pragma unroll
      for (int j = 0; j < D / 8; j++)
        *reinterpret_cast<uint32_t*>(shared + mine + row * 2 * D + ((j ^ (row & 7)) << 4) + (lane & 3) * 4) =
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
          *reinterpret_cast<const uint4*>(shared + mine + row * 2 * D + ((chunk ^ (row & 7)) << 4));
  }
}

template <int D, int WARPS, int TILE_KEYS, int STAGES, int STEP_KEYS, int KEPT>
__device__ __forceinline__ void dense(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                      bf16* out, int ldo, float* lse, int rows, int keyCount, int kvHeads, float scale) {
  const int head = blockIdx.y;
  const int kvHead = head / (gridDim.y / kvHeads);
  const size_t first = static_cast<size_t>(blockIdx.x) * (32 * WARPS);
  attend<D, WARPS, TILE_KEYS, STAGES, STEP_KEYS, KEPT, 0>(queries + first * ldq + head * D, ldq, keys + kvHead * D, ldk, values + kvHead * D, ldv,
                              out + first * ldo + head * D, ldo,
                              lse == nullptr ? nullptr : lse + first * gridDim.y + head, keyCount, scale * LOG2_E,
                              rows - static_cast<int>(first), nullptr, 0);
}

template <int D, int TILE_KEYS, int STAGES, int STEP_KEYS, int KEPT, int BLOCK>
__device__ __forceinline__ void sparse(const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv,
                                       bf16* out, int ldo, float* lse, int keyCount, int kvHeads, float scale,
                                       const int4* tiles, const uint16_t* kept, const int* keptCount) {
  const int head = blockIdx.y;
  const int kvHead = head / (gridDim.y / kvHeads);
  const int4 tile = tiles[blockIdx.x];
  const int blocks = (keyCount + BLOCK - 1) / BLOCK;
  const size_t list = static_cast<size_t>(head) * blocks + tile.z;
  const size_t first = tile.x;
  attend<D, BLOCK / 32, TILE_KEYS, STAGES, STEP_KEYS, KEPT, BLOCK>(queries + first * ldq + head * D, ldq, keys + kvHead * D, ldk, values + kvHead * D, ldv,
                                       out + first * ldo + head * D, ldo,
                                       lse == nullptr ? nullptr : lse + first * gridDim.y + head, keyCount, scale * LOG2_E,
                                       tile.y, kept + list * blocks, keptCount[list]);
}

#define FLASH_DENSE(D, WARPS, TILE, STAGES, STEP, KEPT, CTAS, NAME)                                                                          \
  extern "C" __global__ __launch_bounds__(32 * WARPS, CTAS) void NAME(                                                     \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv, bf16* out, int ldo, float* lse, \
      int rows, int keyCount, int kvHeads, float scale) {                                                                  \
    dense<D, WARPS, TILE, STAGES, STEP, KEPT>(queries, ldq, keys, ldk, values, ldv, out, ldo, lse, rows, keyCount, kvHeads, scale);          \
  }

#define FLASH_SPARSE(D, BLOCK, TILE, STAGES, STEP, KEPT, CTAS, NAME)                                                                         \
  extern "C" __global__ __launch_bounds__(BLOCK, CTAS) void NAME(                                                          \
      const bf16* queries, int ldq, const bf16* keys, int ldk, const bf16* values, int ldv, bf16* out, int ldo, float* lse, \
      int keyCount, int kvHeads, float scale, const int4* tiles, const uint16_t* kept, const int* keptCount) {             \
    sparse<D, TILE, STAGES, STEP, KEPT, BLOCK>(queries, ldq, keys, ldk, values, ldv, out, ldo, lse, keyCount, kvHeads, scale, tiles, kept,   \
                             keptCount);                                                                                   \
  }

FLASH_DENSE(128, 4, 64, 2, 16, 8, 2, flash_dense_d128)
FLASH_DENSE(64, 4, 64, 2, 32, 4, 3, flash_dense_d64)
FLASH_SPARSE(128, 128, 64, 2, 16, 8, 2, flash_sparse_d128_b128)
FLASH_SPARSE(128, 64, 32, 2, 16, 8, 4, flash_sparse_d128_b64)
FLASH_SPARSE(128, 32, 32, 2, 16, 8, 8, flash_sparse_d128_b32)
FLASH_SPARSE(64, 128, 64, 2, 32, 4, 2, flash_sparse_d64_b128)
FLASH_SPARSE(64, 64, 64, 2, 32, 4, 4, flash_sparse_d64_b64)
FLASH_SPARSE(64, 32, 32, 2, 32, 4, 8, flash_sparse_d64_b32)
