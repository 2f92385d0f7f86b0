// wgmma on 8-bit floats (e4m3), products summed in f32 registers. Both operands are K-major: 8-bit types have no other layout.
#pragma once

#include "hopper_primitives.cuh"

namespace hopper {

// K-major rows of `row_bytes` (64 or 128) in the swizzle of that width: groups of 8 rows; 32 reduced elements = +32 bytes.
template <int ROW_BYTES>
__device__ __forceinline__ uint64_t row_descriptor(uint32_t address) {
  static_assert(ROW_BYTES == 128 || ROW_BYTES == 64, "the swizzles in use");
  constexpr uint64_t SWIZZLE = ROW_BYTES == 128 ? 1 : 2;
  return static_cast<uint64_t>((address & 0x3FFFF) >> 4) | static_cast<uint64_t>(8 * ROW_BYTES >> 4) << 32 | SWIZZLE << 62;
}

// d (+)= A B^T, A [64,32] in shared memory or in registers (16 bytes a thread), B [N,32] in shared memory. ACCUMULATE 0 overwrites d.
#define HOPPER_WGMMA_E4M3(N, HALF, LIST, OPERANDS, A, B, ACC, A0, A1, A2, A3, B_RS, ACC_RS)                         \
  template <int ACCUMULATE>                                                                                        \
  __device__ __forceinline__ void wgmma_e4m3_ss(float (&d)[HALF], uint64_t a, uint64_t b) {                        \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " ACC                                                           \
                 ", 0;\n"                                                                                          \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k32.f32.e4m3.e4m3 {" LIST "}, " A ", " B ", p, 1, 1;\n}"   \
                 : OPERANDS                                                                                        \
                 : "l"(a), "l"(b), "n"(ACCUMULATE));                                                               \
  }                                                                                                                \
  template <int ACCUMULATE>                                                                                        \
  __device__ __forceinline__ void wgmma_e4m3_rs(float (&d)[HALF], const uint32_t* a, uint64_t b) {                 \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, " ACC_RS                                                        \
                 ", 0;\n"                                                                                          \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k32.f32.e4m3.e4m3 {" LIST "}, {" A0 "," A1 "," A2 "," A3   \
                 "}, " B_RS ", p, 1, 1;\n}"                                                                        \
                 : OPERANDS                                                                                        \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(ACCUMULATE));                           \
  }

HOPPER_WGMMA_E4M3(64, 32, HOPPER_D0_31, HOPPER_ACC32(d, 0), "%32", "%33", "%34", "%32", "%33", "%34", "%35", "%36", "%37")
HOPPER_WGMMA_E4M3(128, 64, HOPPER_D0_63, HOPPER_ACC64(d), "%64", "%65", "%66", "%64", "%65", "%66", "%67", "%68", "%69")

// Four floats to e4m3, to nearest, the first in the lowest byte; what is larger than 448 becomes 448.
__device__ __forceinline__ uint32_t pack_e4m3(float x0, float x1, float x2, float x3) {
  uint32_t y;
  asm("{\n.reg .b16 low, high;\n"
      "cvt.rn.satfinite.e4m3x2.f32 low, %2, %1;\n"
      "cvt.rn.satfinite.e4m3x2.f32 high, %4, %3;\n"
      "mov.b32 %0, {low, high};\n}"
      : "=r"(y)
      : "f"(x0), "f"(x1), "f"(x2), "f"(x3));
  return y;
}

}  // namespace hopper
