// Hopper (sm_90a) building blocks: mbarriers, tensor-map loads, shared-memory matrix descriptors, wgmma.
// PTX ISA chapters "Asynchronous Warpgroup Level Matrix Instructions", "mbarrier", "cp.async.bulk.tensor".
#pragma once

#include <cuda.h>  // CUtensorMap only
#include <stdint.h>

namespace hopper {

typedef unsigned short bf16_bits;

__device__ __forceinline__ uint32_t shared_address(const void* p) {
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
}

// ---------------------------------------------------------------- mbarriers

__device__ __forceinline__ void barrier_init(uint32_t bar, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(bar), "r"(arrivals) : "memory");
}

__device__ __forceinline__ void barrier_arrive(uint32_t bar) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(bar) : "memory");
}

// As many arrivals as `count` warps would make.
__device__ __forceinline__ void barrier_arrive(uint32_t bar, int count) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(count) : "memory");
}

__device__ __forceinline__ void barrier_expect(uint32_t bar, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(bar), "r"(bytes)
               : "memory");
}

__device__ __forceinline__ bool barrier_try_wait(uint32_t bar, uint32_t parity) {
  uint32_t done;
  asm volatile(
      "{\n.reg .pred p;\n"
      "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
      "selp.u32 %0, 1, 0, p;\n}"
      : "=r"(done)
      : "r"(bar), "r"(parity)
      : "memory");
  return done != 0;
}

// Waits until the phase of the given parity has completed. With HOPPER_DEBUG a wait that never ends becomes a trap.
__device__ __forceinline__ void barrier_wait(uint32_t bar, uint32_t parity) {
#ifdef HOPPER_DEBUG
  for (int polls = 0; !barrier_try_wait(bar, parity); ++polls) {
    if (polls > HOPPER_DEBUG) __trap();
  }
#else
  while (!barrier_try_wait(bar, parity)) {
  }
#endif
}

// Position in a ring of STAGES buffers, with the parity of its current lap.
template <int STAGES>
struct Ring {
  int stage = 0;
  uint32_t parity = 0;
  __device__ __forceinline__ void advance() {
    if (++stage == STAGES) {
      stage = 0;
      parity ^= 1;
    }
  }
};

// The barriers of a ring: a buffer is full when its loads are there, empty when every consumer warp is done with it.
template <int STAGES>
struct RingBarriers {
  static constexpr int BYTES = 16 * STAGES;
  uint32_t base;
  __device__ __forceinline__ uint32_t full(int stage) const { return base + 8 * stage; }
  __device__ __forceinline__ uint32_t empty(int stage) const { return base + 8 * (STAGES + stage); }
  __device__ __forceinline__ void initialise(int producers, int consumers) const {
    for (int i = 0; i < STAGES; ++i) {
      barrier_init(full(i), producers);
      barrier_init(empty(i), consumers);
    }
  }
  __device__ __forceinline__ void awaitFull(const Ring<STAGES>& at) const { barrier_wait(full(at.stage), at.parity); }
  __device__ __forceinline__ void awaitEmpty(const Ring<STAGES>& at) const { barrier_wait(empty(at.stage), at.parity ^ 1); }
};

// Barrier among `threads` threads of the CTA; 0 is __syncthreads().
__device__ __forceinline__ void named_sync(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

template <int REGISTERS>
__device__ __forceinline__ void registers_raise() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

template <int REGISTERS>
__device__ __forceinline__ void registers_lower() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(REGISTERS));
}

// One box of a two-dimensional tensor map -> shared memory; completes on `bar` with the box's full byte count
// (elements outside the tensor arrive as zeros and count too).
__device__ __forceinline__ void tensor_load(const CUtensorMap& map, uint32_t dst, uint32_t bar, int column, int row) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(dst),
      "l"(&map), "r"(bar), "r"(column), "r"(row)
      : "memory");
}

__device__ __forceinline__ void tensor_prefetch(const CUtensorMap& map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

// ---------------------------------------------------------------- matrix descriptors
// Both operand layouts are boxes of 64 bf16 (128 bytes) x rows in 128-byte swizzle: groups of 8 rows, 1024 bytes apart.
//   K-major  (Q, K: the 64 columns are the reduction): stride offset 1024, leading offset unused; 16 columns = +32 bytes.
//   MN-major (V: the rows are the reduction): stride offset 1024 (next 8 rows), leading offset = distance of the next
//   64 columns, i.e. the size of a box; 16 rows = +2048 bytes.

// Descriptors are handled by their lower halves, in which addresses never carry out of their field; the upper half (stride,
// swizzle) is the same for all. That is one uniform register a descriptor instead of two.

#define HOPPER_DESCRIPTOR_UPPER "0x40000040"

__device__ __forceinline__ uint32_t descriptor(uint32_t address, uint32_t leading_bytes) {
  return (address & 0x3FFFF) >> 4 | leading_bytes >> 4 << 16;
}

// ---------------------------------------------------------------- wgmma

__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

template <int PENDING>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(PENDING) : "memory");
}

// Keeps the compiler from moving uses of asynchronously written (or read) registers across a wait.
template <int N>
__device__ __forceinline__ void pin(float (&x)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+f"(x[i])::"memory");
}

template <int N>
__device__ __forceinline__ void pin(uint32_t (&x)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) asm volatile("" : "+r"(x[i])::"memory");
}

#define HOPPER_ACC8(x, i)                                                                                        \
  "+f"(x[i]), "+f"(x[i + 1]), "+f"(x[i + 2]), "+f"(x[i + 3]), "+f"(x[i + 4]), "+f"(x[i + 5]), "+f"(x[i + 6]), \
      "+f"(x[i + 7])
#define HOPPER_ACC32(x, i) HOPPER_ACC8(x, i), HOPPER_ACC8(x, i + 8), HOPPER_ACC8(x, i + 16), HOPPER_ACC8(x, i + 24)
#define HOPPER_ACC64(x) HOPPER_ACC32(x, 0), HOPPER_ACC32(x, 32)
#define HOPPER_ACC80(x) HOPPER_ACC64(x), HOPPER_ACC8(x, 64), HOPPER_ACC8(x, 72)
#define HOPPER_D0_31                                                                                               \
  "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29," \
  "%30,%31"
#define HOPPER_D0_63                                                                                                \
  HOPPER_D0_31                                                                                                      \
  ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59," \
  "%60,%61,%62,%63"
#define HOPPER_D0_79 HOPPER_D0_63 ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79"
#define HOPPER_ACC40(x) HOPPER_ACC32(x, 0), HOPPER_ACC8(x, 32)
#define HOPPER_D0_39 HOPPER_D0_31 ",%32,%33,%34,%35,%36,%37,%38,%39"

// d (+)= A B^T, A [64,16] and B [N,16] both K-major in shared memory. ACCUMULATE 0 overwrites d.
#define HOPPER_WGMMA_SS(N, HALF, LIST, OPERANDS, A, B, ACC)                                               \
  template <int ACCUMULATE>                                                                               \
  __device__ __forceinline__ void wgmma_ss(float (&d)[HALF], uint32_t a, uint32_t b) {                    \
    asm volatile("{\n.reg .pred p;\n.reg .b64 a, b;\nsetp.ne.b32 p, " ACC                                 \
                 ", 0;\nmov.b64 a, {" A ", " HOPPER_DESCRIPTOR_UPPER "};\nmov.b64 b, {" B                \
                 ", " HOPPER_DESCRIPTOR_UPPER "};\n"                                                      \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST                        \
                 "}, a, b, p, 1, 1, 0, 0;\n}"                                                             \
                 : OPERANDS                                                                               \
                 : "r"(a), "r"(b), "n"(ACCUMULATE));                                                      \
  }

HOPPER_WGMMA_SS(80, 40, HOPPER_D0_39, HOPPER_ACC40(d), "%40", "%41", "%42")
HOPPER_WGMMA_SS(128, 64, HOPPER_D0_63, HOPPER_ACC64(d), "%64", "%65", "%66")
HOPPER_WGMMA_SS(160, 80, HOPPER_D0_79, HOPPER_ACC80(d), "%80", "%81", "%82")

// d += A B, A [64,16] in registers (four bf16 pairs a thread), B [16,N] MN-major in shared memory.
#define HOPPER_WGMMA_RS(N, HALF, LIST, OPERANDS, A0, A1, A2, A3, B)                                               \
  __device__ __forceinline__ void wgmma_rs(float (&d)[HALF], const uint32_t* a, uint32_t b) {                    \
    asm volatile("{\n.reg .b64 b;\nmov.b64 b, {" B ", " HOPPER_DESCRIPTOR_UPPER                                  \
                 "};\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 {" LIST "}, {" A0 "," A1 "," A2 "," A3 \
                 "}, b, 1, 1, 1, 1;\n}"                                                                          \
                 : OPERANDS                                                                                      \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b));                                          \
  }

HOPPER_WGMMA_RS(64, 32, HOPPER_D0_31, HOPPER_ACC32(d, 0), "%32", "%33", "%34", "%35", "%36")
HOPPER_WGMMA_RS(128, 64, HOPPER_D0_63, HOPPER_ACC64(d), "%64", "%65", "%66", "%67", "%68")

// ---------------------------------------------------------------- arithmetic

__device__ __forceinline__ float exp2_approx(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
  uint32_t y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(high), "f"(low));
  return y;
}

}  // namespace hopper
