// Building blocks of the portable attention kernels (sm_80 and up): asynchronous copies into swizzled tiles, tensor core
// fragments, fast exponentials.
//
// A tile is rows of D bf16 in shared memory, 2 D bytes each, without padding. The 16-byte chunk c of row r lies at chunk
// c ^ (r % 8), so that the eight rows that one 8 x 8 matrix of ldmatrix reads fall into different banks.
//
// Fragments of mma.m16n8k16 (lane = 4 g + t): A and C hold the rows g and g + 8, C the columns 2t and 2t + 1.
#pragma once
#include <cuda_bf16.h>
#include <stdint.h>

using bf16 = __nv_bfloat16;

constexpr float LOG2_E = 1.4426950408889634f;
constexpr float LN_2 = 0.6931471805599453f;

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

__device__ __forceinline__ void copy16(uint32_t to, const void* from) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
}

// Zeroes instead of the source where it is not there; the address must be valid all the same.
__device__ __forceinline__ void copy16_or_zero(uint32_t to, const void* from, bool there) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0)
               : "memory");
}

__device__ __forceinline__ void copies_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most PENDING of this thread's committed groups are under way.
template <int PENDING>
__device__ __forceinline__ void copies_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// The threads of the CTA copy ROWS rows of D into a tile; rows from `valid` on become zeroes.
template <int D, int THREADS, int ROWS>
__device__ __forceinline__ void copy_rows(uint32_t tile, const bf16* from, int stride, int valid) {
  constexpr int CHUNKS = D / 8;
  constexpr int STEP = THREADS / CHUNKS;
  static_assert(THREADS % CHUNKS == 0 && ROWS % STEP == 0, "every thread copies the same number of chunks");
  const int chunk = threadIdx.x % CHUNKS;
  const int first = threadIdx.x / CHUNKS;
  const bf16* source = from + chunk * 8;
  if (valid >= ROWS) {
    source += static_cast<size_t>(first) * stride;
#pragma unroll
    for (int i = 0; i < ROWS / STEP; i++) {
      const int row = first + i * STEP;
      copy16(tile + row * 2 * D + ((chunk ^ (row & 7)) << 4), source);
      source += STEP * stride;
    }
  } else {
#pragma unroll 1
    for (int row = first; row < ROWS; row += STEP) {
      const bool there = row < valid;
      copy16_or_zero(tile + row * 2 * D + ((chunk ^ (row & 7)) << 4),
                     there ? source + static_cast<size_t>(row) * stride : source, there);
    }
  }
}

__device__ __forceinline__ void load_matrices(uint32_t (&m)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address));
}

__device__ __forceinline__ void load_matrices_transposed(uint32_t (&m)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(m[0]), "=r"(m[1]), "=r"(m[2]), "=r"(m[3])
               : "r"(address));
}

// c += a b, with a 16 x 16, b 16 x 8.
__device__ __forceinline__ void multiply_add(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// 2^x, relative error below 2^-22; 0 for -infinity.
__device__ __forceinline__ float power_of_2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

// log2(x), absolute error below 2^-21; -infinity for 0.
__device__ __forceinline__ float log2_approx(float x) {
  float y;
  asm("lg2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ __forceinline__ uint32_t pack(float low, float high) {
  uint32_t packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
}

// The address from which this lane takes part in loading A (or transposed V) fragments of the first 16 columns of 16 rows of a
// tile; 16 rows further down is 32 D bytes on, for other columns see `columns`.
template <int D>
__device__ __forceinline__ uint32_t rows_address(uint32_t tile) {
  const int lane = threadIdx.x & 31;
  return tile + (lane & 15) * 2 * D + (((lane >> 4) ^ (lane & 7)) << 4);
}

// The same, k * 16 columns further on. The swizzle changes the lower 3 bits of the chunk only.
__device__ __forceinline__ uint32_t columns(uint32_t address, int k) { return (address ^ ((k & 3) * 32)) + k / 4 * 128; }

// Like rows_address, for B fragments of 16 keys: matrices (keys 0-7, columns 0-7), (0-7, 8-15), (8-15, 0-7), (8-15, 8-15).
template <int D>
__device__ __forceinline__ uint32_t keys_address(uint32_t tile) {
  const int lane = threadIdx.x & 31;
  return tile + ((lane & 7) + ((lane >> 4) << 3)) * 2 * D + ((((lane >> 3) & 1) ^ (lane & 7)) << 4);
}

// The 32 rows of queries of a warp as A fragments.
template <int D>
struct Queries {
  uint32_t a[2][D / 16][4];  // half of the rows, 16 columns

  // From a tile that starts with this warp's rows.
  __device__ __forceinline__ void load(uint32_t tile) {
    const uint32_t address = rows_address<D>(tile);
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int k = 0; k < D / 16; k++) load_matrices(a[half][k], columns(address, k) + half * 32 * D);
  }

  // Part i of s += queries x KEYS keys, i = 0 .. D / 16 * KEYS / 16 - 1; `b` from load_keys.
  template <int KEYS>
  __device__ __forceinline__ void multiply(float (&s)[2][KEYS / 8][4], int i, const uint32_t (&b)[4]) const {
    const int k = i / (KEYS / 16);
    const int j = i % (KEYS / 16);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      multiply_add(s[half][2 * j], a[half][k], b[0], b[1]);
      multiply_add(s[half][2 * j + 1], a[half][k], b[2], b[3]);
    }
  }
};

// The B fragments that part i of Queries::multiply wants; `keys` from keys_address.
template <int D, int KEYS>
__device__ __forceinline__ void load_keys(uint32_t (&b)[4], uint32_t keys, int i) {
  load_matrices(b, columns(keys, i / (KEYS / 16)) + i % (KEYS / 16) * 32 * D);
}

template <int KEYS>
__device__ __forceinline__ void clear(float (&s)[2][KEYS / 8][4]) {
#pragma unroll
  for (int half = 0; half < 2; half++)
#pragma unroll
    for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[half][j][e] = 0.0f;
}

// Columns from `valid` on of scores become -infinity.
template <int KEYS>
__device__ __forceinline__ void mask_columns(float (&s)[2][KEYS / 8][4], int valid) {
  const int t = threadIdx.x & 3;
#pragma unroll
  for (int j = 0; j < KEYS / 8; j++)
#pragma unroll
    for (int e = 0; e < 4; e++)
      if (8 * j + 2 * t + (e & 1) >= valid) s[0][j][e] = s[1][j][e] = -INFINITY;
}
