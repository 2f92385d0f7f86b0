// The parts of attention that do not depend on how K and V arrive: online softmax on wgmma accumulators, and the store.
#pragma once

#include "hopper_primitives.cuh"

namespace hopper {

constexpr float LOG2E = 1.4426950408889634f;
constexpr float LN2 = 0.6931471805599453f;
constexpr float NEGATIVE_INFINITY = -__builtin_huge_valf();

// Running softmax of the two rows of a thread (r and r + 8 of its warp's 16). Scores stay unscaled; `c` = scale * log2(e).
// PARTS: key blocks of a tile, N / PARTS elements each.
template <int N, int PARTS = 1>
struct RowSoftmax {
  float max0, max1, sum0, sum1;
  float part0[PARTS], part1[PARTS];  // sums of this thread's elements of the last tile's key blocks, relative to the maxima

  __device__ __forceinline__ static void rowMax(const float (&s)[N], float& x0, float& x1) {
    float a0 = s[0], b0 = s[1], a1 = s[2], b1 = s[3];
#pragma unroll
    for (int i = 4; i < N; i += 4) {
      a0 = fmaxf(a0, s[i]);
      b0 = fmaxf(b0, s[i + 1]);
      a1 = fmaxf(a1, s[i + 2]);
      b1 = fmaxf(b1, s[i + 3]);
    }
    x0 = fmaxf(a0, b0);
    x1 = fmaxf(a1, b1);
    x0 = fmaxf(x0, __shfl_xor_sync(0xFFFFFFFF, x0, 1));
    x1 = fmaxf(x1, __shfl_xor_sync(0xFFFFFFFF, x1, 1));
    x0 = fmaxf(x0, __shfl_xor_sync(0xFFFFFFFF, x0, 2));
    x1 = fmaxf(x1, __shfl_xor_sync(0xFFFFFFFF, x1, 2));
  }

  // s <- exp2(c s - c max), and the sums of this thread's elements
  template <bool GUARDED>
  __device__ __forceinline__ void exponentials(float (&s)[N], float c, float& x0, float& x1) {
    // a row that has met no key yet has maximum -inf, and exponentials 0
    const float c0 = GUARDED && max0 == NEGATIVE_INFINITY ? 0.0f : max0 * c;
    const float c1 = GUARDED && max1 == NEGATIVE_INFINITY ? 0.0f : max1 * c;
    x0 = x1 = 0.0f;
#pragma unroll
    for (int part = 0; part < PARTS; ++part) {
      float a0 = 0, b0 = 0, a1 = 0, b1 = 0;
#pragma unroll
      for (int i = part * (N / PARTS); i < (part + 1) * (N / PARTS); i += 4) {
        s[i] = exp2_approx(fmaf(s[i], c, -c0));
        s[i + 1] = exp2_approx(fmaf(s[i + 1], c, -c0));
        s[i + 2] = exp2_approx(fmaf(s[i + 2], c, -c1));
        s[i + 3] = exp2_approx(fmaf(s[i + 3], c, -c1));
        a0 += s[i];
        b0 += s[i + 1];
        a1 += s[i + 2];
        b1 += s[i + 3];
      }
      part0[part] = a0 + b0;
      part1[part] = a1 + b1;
      x0 += part0[part];
      x1 += part1[part];
    }
  }

  template <bool GUARDED>
  __device__ __forceinline__ void first(float (&s)[N], float c) {
    rowMax(s, max0, max1);
    exponentials<GUARDED>(s, c, sum0, sum1);
  }

  // Returns whether the output must be scaled by (f0, f1). A stale maximum is kept while exp2 stays <= 2^8: most tiles
  // then leave the output alone. GUARDED allows rows without any key so far.
  template <bool GUARDED>
  __device__ __forceinline__ bool next(float (&s)[N], float c, float& f0, float& f1) {
    float x0, x1;
    rowMax(s, x0, x1);
    x0 = fmaxf(x0, max0);
    x1 = fmaxf(x1, max1);
    const bool rescale = __any_sync(0xFFFFFFFF, (x0 - max0) * c > 8.0f || (x1 - max1) * c > 8.0f);
    f0 = f1 = 1.0f;
    if (rescale) {
      f0 = GUARDED && x0 == NEGATIVE_INFINITY ? 1.0f : exp2_approx((max0 - x0) * c);
      f1 = GUARDED && x1 == NEGATIVE_INFINITY ? 1.0f : exp2_approx((max1 - x1) * c);
      max0 = x0;
      max1 = x1;
    }
    exponentials<GUARDED>(s, c, x0, x1);
    sum0 = fmaf(sum0, f0, x0);
    sum1 = fmaf(sum1, f1, x1);
    return rescale;
  }

  // Sums over all keys so far: of the four lanes that share the rows.
  __device__ __forceinline__ void total(float& x0, float& x1) const {
    x0 = sum0 + __shfl_xor_sync(0xFFFFFFFF, sum0, 1);
    x1 = sum1 + __shfl_xor_sync(0xFFFFFFFF, sum1, 1);
    x0 += __shfl_xor_sync(0xFFFFFFFF, x0, 2);
    x1 += __shfl_xor_sync(0xFFFFFFFF, x1, 2);
  }
};

// Makes a score -inf where `condition` holds. A caller's branch around it stays a branch: from an assignment, the compiler would make
// selects that every tile has to go through.
__device__ __forceinline__ void drop(float& score, bool condition) {
  asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %1, 0;\n@p mov.f32 %0, 0fFF800000;\n}" : "+f"(score) : "r"(static_cast<int>(condition)));
}

// Scores of the columns from `limit` on become -inf, among the first 2 * COUNT columns.
template <int COUNT, int N>
__device__ __forceinline__ void mask(float (&s)[N], int limit) {
  const int column = threadIdx.x % 4 * 2;
#pragma unroll
  for (int i = 0; i < COUNT; ++i) drop(s[i], i / 4 * 8 + column + i % 2 >= limit);
}

template <int N>
__device__ __forceinline__ void pack(uint32_t (&p)[N / 2], const float (&s)[N]) {
#pragma unroll
  for (int i = 0; i < N / 2; ++i) p[i] = pack_bf16(s[2 * i], s[2 * i + 1]);
}

// Where a launch's results go.
struct Output {
  bf16_bits* out;
  float* lse;  // may be null
  int ldo, heads;
};

// Normalises and stores 64 rows; lanes pair up so that each row's 16 columns are whole 32-byte sectors.
// `local` and `local + 8` are this thread's rows, counted from `firstRow`; rows from `rows` on are not stored.
// lse0, lse1: of the two rows, powers of 2.
template <int DIM>
__device__ __forceinline__ void store(const float (&o)[DIM / 2], float sum0, float sum1, float lse0, float lse1, const Output& to,
                                      int head, int firstRow, int rows, int local) {
  const int lane = threadIdx.x % 32;
  const float f0 = 1.0f / sum0, f1 = 1.0f / sum1;
  const bool in0 = local < rows, in1 = local + 8 < rows, odd = lane & 1;
  bf16_bits* out0 = to.out + static_cast<size_t>(firstRow + local) * to.ldo + head * DIM;
  bf16_bits* out1 = out0 + static_cast<size_t>(8) * to.ldo;
  const int column = odd ? 8 + 2 * (lane % 4 - 1) : 2 * (lane % 4);
#pragma unroll
  for (int i = 0; i < DIM / 2; i += 8) {
    uint32_t a0 = pack_bf16(o[i] * f0, o[i + 1] * f0), a1 = pack_bf16(o[i + 2] * f1, o[i + 3] * f1);
    uint32_t b0 = pack_bf16(o[i + 4] * f0, o[i + 5] * f0), b1 = pack_bf16(o[i + 6] * f1, o[i + 7] * f1);
    const uint32_t g0 = __shfl_xor_sync(0xFFFFFFFF, odd ? a0 : b0, 1), g1 = __shfl_xor_sync(0xFFFFFFFF, odd ? a1 : b1, 1);
    if (in0) *reinterpret_cast<uint2*>(out0 + 2 * i + column) = odd ? make_uint2(g0, b0) : make_uint2(a0, g0);
    if (in1) *reinterpret_cast<uint2*>(out1 + 2 * i + column) = odd ? make_uint2(g1, b1) : make_uint2(a1, g1);
  }
  if (to.lse != nullptr && lane % 4 == 0) {
    float* lse = to.lse + static_cast<size_t>(firstRow + local) * to.heads + head;
    if (in0) lse[0] = LN2 * lse0;
    if (in1) lse[static_cast<size_t>(8) * to.heads] = LN2 * lse1;
  }
}

}  // namespace hopper
