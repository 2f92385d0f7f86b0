// Block-sparse (B = 128) bidirectional attention in 8-bit floats (e4m3) for Hopper, on operands as hopper_fp8_operands.cu writes them.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_fp8_attention.cu
//
// kernel                         threads  query rows  dynamic shared  registers at entry, consumers, producer
// hopper_fp8_sparse_d128_b128    384      128         148676          168, 232, 40
// hopper_fp8_sparse_d64_b128     384      128         74948           168, 232, 40
// No spills. Grid: min(multiprocessors, heads * tileCount).
//
// Both products run in e4m3. The tensor cores keep some 14 bits of a sum of such products (arXiv 2412.19437, 3.5.2), so each key tile's P V
// is a product of its own, added up in f32. That makes every tile's scales free: P is exp2(score - the tile's own maximum + 8), at most 256,
// so that a tile of small scores loses nothing beside a large one elsewhere, and the tile's weight and the scale of its values
// are one factor when its product is added.
//
// Parameters: mapQ, mapK, mapV: CUtensorMap by value (type UINT8, rank 2, 128-byte L2 promotion or more, zeros outside):
//   mapQ {heads*D, R} strides ld, box {D, 64}; mapK {kvHeads*D, N}, box {D, 128}; both in the swizzle of D bytes
//   mapV {blocks*128, kvHeads*D}, box {128, D}, 128-byte swizzle: V transposed, keys of each 32 permuted (hopper_fp8_operands.cu)
//   queryScales f32 [R, Hq]; blockScales f32 [Hkv][blocks][2]: of a key block and of its values; value = code * scale
//   out bf16 [R, Hq*D], row stride ldo elements; rows R, keys N, heads Hq, kvHeads Hkv (divides Hq), scale > 0
//   kept uint16 [Hq][n][n], keptCount int32 [Hq][n] >= 1, blocks n, tiles int32 [T][4] = {first row, row count (1..128), query block, 0}
//   counter int32 [1], zero before the first launch; every launch leaves it zero. Launches that may overlap need their own.
#include "hopper_fp8.cuh"
#include "hopper_softmax.cuh"

namespace hopper {

template <int DIM_, int STAGES_>
struct Fp8Shape {
  static constexpr int DIM = DIM_, STAGES = STAGES_, KEYS = 128, WARPGROUPS = 2;
  static constexpr int QUERY_BYTES = 64 * DIM;  // of a warpgroup
  static constexpr int TILE_BYTES = KEYS * DIM;  // of K, and of V
  static constexpr int KEYS_AT = WARPGROUPS * QUERY_BYTES;
  static constexpr int VALUES_AT = KEYS_AT + STAGES * TILE_BYTES;
  static constexpr int BARRIERS_AT = VALUES_AT + STAGES * TILE_BYTES;
  static constexpr int SCALES_AT = BARRIERS_AT + 8 * (2 + 4 * STAGES);
  static constexpr int INFO_AT = SCALES_AT + 8 * STAGES;
};

// What the producer tells the consumers about a query tile, written before the Q barrier.
struct Fp8TileInfo {
  int head, firstRow, rows, count, limit;
};

struct Fp8Arguments {
  const float* queryScales;
  const float2* blockScales;
  bf16_bits* out;
  int rows, keys, heads, group, ldo;
  float scaleLog2;
  const uint16_t* kept;
  const int* keptCount;
  const int4* tiles;
  int blocks, tileCount;
  int* counter;
};

template <class S>
struct Fp8Shared {
  uint32_t base;
  volatile Fp8TileInfo* info;
  volatile float2* scales;  // of the key tile in each stage
  __device__ __forceinline__ uint32_t queryFull() const { return base + S::BARRIERS_AT; }
  __device__ __forceinline__ uint32_t queryEmpty() const { return base + S::BARRIERS_AT + 8; }
  __device__ __forceinline__ uint32_t keysFull(int s) const { return base + S::BARRIERS_AT + 16 + 8 * s; }
  __device__ __forceinline__ uint32_t keysEmpty(int s) const { return keysFull(S::STAGES + s); }
  __device__ __forceinline__ uint32_t valuesFull(int s) const { return keysFull(2 * S::STAGES + s); }
  __device__ __forceinline__ uint32_t valuesEmpty(int s) const { return keysFull(3 * S::STAGES + s); }
};

template <class S>
__device__ __forceinline__ void produce(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                        const Fp8Arguments& a, const Fp8Shared<S>& shared) {
  const int total = a.heads * a.tileCount;
  Ring<S::STAGES> ringK, ringV;
  uint32_t queryParity = 0;
  int tile = blockIdx.x;
  while (true) {
    barrier_wait(shared.queryEmpty(), queryParity ^ 1);
    queryParity ^= 1;
    if (tile >= total) {
      shared.info->count = 0;
      barrier_arrive(shared.queryFull());
      return;
    }
    // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
    const int pulled = atomicAdd(a.counter, 1);
    const int head = tile / a.tileCount;
    const int4 t = a.tiles[tile - head * a.tileCount];
    const int kvHead = head / a.group;
    const size_t row = static_cast<size_t>(head) * a.blocks + t.z;
    const uint16_t* list = a.kept + row * a.blocks;
    const float2* blockScales = a.blockScales + static_cast<size_t>(kvHead) * a.blocks;
    const int count = a.keptCount[row];
    int block = list[count - 1];
    float2 scales = blockScales[block];
    shared.info->head = head;
    shared.info->firstRow = t.x;
    shared.info->rows = t.y;
    shared.info->count = count;
    shared.info->limit = min(S::KEYS, a.keys - block * S::KEYS);
    barrier_expect(shared.queryFull(), S::WARPGROUPS * S::QUERY_BYTES);
#pragma unroll
    for (int w = 0; w < S::WARPGROUPS; ++w) {
      tensor_load(mapQ, shared.base + w * S::QUERY_BYTES, shared.queryFull(), head * S::DIM, t.x + w * 64);
    }
    // From the last tile to the first: only the first one met can be ragged. V of a tile is asked for after K of the next.
    int blockV = 0;
    int next = count > 1 ? list[count - 2] : 0;
    for (int i = 0; i <= count; ++i) {
      const int ahead = i + 3 <= count ? list[count - 3 - i] : 0;
      const float2 nextScales = blockScales[next];
      if (i < count) {
        barrier_wait(shared.keysEmpty(ringK.stage), ringK.parity ^ 1);
        shared.scales[ringK.stage].x = scales.x;
        shared.scales[ringK.stage].y = scales.y;
        barrier_expect(shared.keysFull(ringK.stage), S::TILE_BYTES);
        tensor_load(mapK, shared.base + S::KEYS_AT + ringK.stage * S::TILE_BYTES, shared.keysFull(ringK.stage), kvHead * S::DIM,
                    block * S::KEYS);
        ringK.advance();
      }
      if (i > 0) {
        barrier_wait(shared.valuesEmpty(ringV.stage), ringV.parity ^ 1);
        barrier_expect(shared.valuesFull(ringV.stage), S::TILE_BYTES);
        tensor_load(mapV, shared.base + S::VALUES_AT + ringV.stage * S::TILE_BYTES, shared.valuesFull(ringV.stage),
                    blockV * S::KEYS, kvHead * S::DIM);
        ringV.advance();
      }
      blockV = block;
      block = next;
      scales = nextScales;
      next = ahead;
    }
    if (pulled == total - 1) *a.counter = 0;
    tile = pulled + gridDim.x;
  }
}

// Softmax of the two rows of a thread (r and r + 8 of its warp's 16), tile by tile, each relative to its own maximum.
struct TileSoftmax {
  float reference0, reference1;  // in log2 units; sums and output are relative to 2^reference
  float sum0, sum1;              // of this thread's columns
  float weight0, weight1;        // factors of the product of the tile that `p` holds
  float offset0, offset1;        // of the tile at hand: exp2(c s + offset) is at most 2^8
};

constexpr int N_SCORES = 64;

// What a tile may exceed the reference by before it is moved: far below f32's range, so that hardly any tile moves it.
constexpr float LARGEST_EXCESS = 64.0f;

template <int FROM, int TO>
__device__ __forceinline__ void exponentials(float (&s)[N_SCORES], const TileSoftmax& soft, float c0, float c1, float& x0, float& x1) {
#pragma unroll
  for (int i = FROM; i < TO; i += 4) {
    s[i] = exp2_approx(fmaf(s[i], c0, soft.offset0));
    s[i + 1] = exp2_approx(fmaf(s[i + 1], c0, soft.offset0));
    s[i + 2] = exp2_approx(fmaf(s[i + 2], c1, soft.offset1));
    s[i + 3] = exp2_approx(fmaf(s[i + 3], c1, soft.offset1));
    x0 += s[i] + s[i + 1];
    x1 += s[i + 2] + s[i + 3];
  }
}

// Columns 2t, 2t + 1 of each 8 are a thread's: as wgmma's A operand, bytes 4t .. 4t + 3 of each 16, they stand for keys that V has there.
template <int FROM, int TO>
__device__ __forceinline__ void pack(uint32_t (&p)[N_SCORES / 4], const float (&s)[N_SCORES]) {
#pragma unroll
  for (int i = FROM; i < TO; i += 8) {
    p[i / 4] = pack_e4m3(s[i], s[i + 1], s[i + 4], s[i + 5]);
    p[i / 4 + 1] = pack_e4m3(s[i + 2], s[i + 3], s[i + 6], s[i + 7]);
  }
}

template <class S>
__device__ __forceinline__ void scores(float (&s)[N_SCORES], uint64_t q, uint64_t k) {
  wgmma_e4m3_ss<0>(s, q, k);
#pragma unroll
  for (int i = 1; i < S::DIM / 32; ++i) wgmma_e4m3_ss<1>(s, q + 2 * i, k + 2 * i);
  wgmma_commit();
}

template <class S>
__device__ __forceinline__ void multiply(float (&t)[S::DIM / 2], const uint32_t (&p)[N_SCORES / 4], uint64_t v) {
  wgmma_e4m3_rs<0>(t, p, v);
#pragma unroll
  for (int i = 1; i < S::KEYS / 32; ++i) wgmma_e4m3_rs<1>(t, p + 4 * i, v + 2 * i);
  wgmma_commit();
}

template <int N>
__device__ __forceinline__ void add(float (&o)[N], const float (&t)[N], float w0, float w1) {
#pragma unroll
  for (int i = 0; i < N; i += 4) {
    o[i] = fmaf(t[i], w0, o[i]);
    o[i + 1] = fmaf(t[i + 1], w0, o[i + 1]);
    o[i + 2] = fmaf(t[i + 2], w1, o[i + 2]);
    o[i + 3] = fmaf(t[i + 3], w1, o[i + 3]);
  }
}

template <class S>
__device__ __forceinline__ void consume(const Fp8Arguments& a, const Fp8Shared<S>& shared, int warpgroup) {
  constexpr int HALF = N_SCORES / 2;
  const bool signals = threadIdx.x % 32 == 0;
  const int local = warpgroup * 64 + threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4;
  const uint64_t query = row_descriptor<S::DIM>(shared.base + warpgroup * S::QUERY_BYTES);
  const uint64_t keys = row_descriptor<S::DIM>(shared.base + S::KEYS_AT);
  const uint64_t values = row_descriptor<128>(shared.base + S::VALUES_AT);
  Ring<S::STAGES> ringK, ringV;
  uint32_t queryParity = 0;
  float s[N_SCORES], o[S::DIM / 2], t[S::DIM / 2];
  uint32_t p[N_SCORES / 4];
  TileSoftmax soft;
  while (true) {
    barrier_wait(shared.queryFull(), queryParity);
    queryParity ^= 1;
    const int count = shared.info->count, limit = shared.info->limit;
    if (count == 0) break;
    const int head = shared.info->head, firstRow = shared.info->firstRow;
    const float q0 = a.scaleLog2 * a.queryScales[static_cast<size_t>(min(firstRow + local, a.rows - 1)) * a.heads + head];
    const float q1 = a.scaleLog2 * a.queryScales[static_cast<size_t>(min(firstRow + local + 8, a.rows - 1)) * a.heads + head];

    barrier_wait(shared.keysFull(ringK.stage), ringK.parity);
    wgmma_fence();
    scores<S>(s, query, keys + ringK.stage * (S::TILE_BYTES / 16));
    {
      const float c0 = q0 * shared.scales[ringK.stage].x, c1 = q1 * shared.scales[ringK.stage].x;
      const float valueScale = shared.scales[ringK.stage].y;
      __syncwarp();
      wgmma_wait<0>();
      pin(s);
      if (signals) barrier_arrive(shared.keysEmpty(ringK.stage));
      ringK.advance();
      if (limit < S::KEYS) {
        const int column = threadIdx.x % 4 * 2;
#pragma unroll
        for (int i = 0; i < N_SCORES; ++i) {
          if (i / 4 * 8 + column + i % 2 >= limit) s[i] = NEGATIVE_INFINITY;
        }
      }
      RowSoftmax<N_SCORES>::rowMax(s, soft.reference0, soft.reference1);
      soft.reference0 *= c0;
      soft.reference1 *= c1;
      soft.offset0 = 8.0f - soft.reference0;
      soft.offset1 = 8.0f - soft.reference1;
      soft.sum0 = soft.sum1 = 0.0f;
      exponentials<0, N_SCORES>(s, soft, c0, c1, soft.sum0, soft.sum1);
      soft.sum0 *= 0x1p-8f;
      soft.sum1 *= 0x1p-8f;
      soft.weight0 = soft.weight1 = 0x1p-8f * valueScale;
    }
    pack<0, N_SCORES>(p, s);
#pragma unroll
    for (int i = 0; i < S::DIM / 2; ++i) o[i] = 0.0f;

#pragma unroll 1
    for (int i = 1; i < count; ++i) {
      barrier_wait(shared.keysFull(ringK.stage), ringK.parity);
      pin(p);
      wgmma_fence();
      scores<S>(s, query, keys + ringK.stage * (S::TILE_BYTES / 16));
      const float c0 = q0 * shared.scales[ringK.stage].x, c1 = q1 * shared.scales[ringK.stage].x;
      const float valueScale = shared.scales[ringK.stage].y;
      barrier_wait(shared.valuesFull(ringV.stage), ringV.parity);
      wgmma_fence();
      multiply<S>(t, p, values + ringV.stage * (S::TILE_BYTES / 16));
      __syncwarp();
      wgmma_wait<1>();
      pin(s);
      if (signals) barrier_arrive(shared.keysEmpty(ringK.stage));
      ringK.advance();

      float x0, x1;
      RowSoftmax<N_SCORES>::rowMax(s, x0, x1);
      x0 *= c0;
      x1 *= c1;
      soft.offset0 = 8.0f - x0;
      soft.offset1 = 8.0f - x1;
      if (__any_sync(0xFFFFFFFF, x0 - soft.reference0 > LARGEST_EXCESS || x1 - soft.reference1 > LARGEST_EXCESS)) {
        const float f0 = exp2_approx(fminf(soft.reference0 - x0, 0.0f)), f1 = exp2_approx(fminf(soft.reference1 - x1, 0.0f));
        soft.reference0 = fmaxf(soft.reference0, x0);
        soft.reference1 = fmaxf(soft.reference1, x1);
        soft.sum0 *= f0;
        soft.sum1 *= f1;
        soft.weight0 *= f0;
        soft.weight1 *= f1;
#pragma unroll
        for (int j = 0; j < S::DIM / 2; j += 4) {
          o[j] *= f0;
          o[j + 1] *= f0;
          o[j + 2] *= f1;
          o[j + 3] *= f1;
        }
      }
      const float w0 = exp2_approx(x0 - soft.reference0 - 8.0f), w1 = exp2_approx(x1 - soft.reference1 - 8.0f);
      x0 = x1 = 0.0f;
      exponentials<0, HALF>(s, soft, c0, c1, x0, x1);
      wgmma_wait<0>();
      pin(t);
      pin(p);
      if (signals) barrier_arrive(shared.valuesEmpty(ringV.stage));
      ringV.advance();
      add(o, t, soft.weight0, soft.weight1);
      exponentials<HALF, N_SCORES>(s, soft, c0, c1, x0, x1);
      soft.sum0 = fmaf(x0, w0, soft.sum0);
      soft.sum1 = fmaf(x1, w1, soft.sum1);
      soft.weight0 = w0 * valueScale;
      soft.weight1 = w1 * valueScale;
      pack<0, N_SCORES>(p, s);
    }
    const int rows = shared.info->rows;
    barrier_arrive(shared.queryEmpty());  // by every thread: all have read the tile, which the producer may overwrite now
    barrier_wait(shared.valuesFull(ringV.stage), ringV.parity);
    pin(p);
    wgmma_fence();
    multiply<S>(t, p, values + ringV.stage * (S::TILE_BYTES / 16));
    wgmma_wait<0>();
    pin(t);
    if (signals) barrier_arrive(shared.valuesEmpty(ringV.stage));
    ringV.advance();
    add(o, t, soft.weight0, soft.weight1);
    float sum0, sum1;
    RowSoftmax<N_SCORES>{soft.reference0, soft.reference1, soft.sum0, soft.sum1}.total(sum0, sum1);
    store<S::DIM>(o, sum0, sum1, 0.0f, 0.0f, Output{a.out, nullptr, a.ldo, a.heads}, head, firstRow, rows, local);
  }
}

template <class S>
__device__ __forceinline__ void attention(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                          const Fp8Arguments& a) {
  extern __shared__ char raw[];
  const uint32_t unaligned = shared_address(raw), base = (unaligned + 1023) & ~1023u;
  char* aligned = raw + (base - unaligned);
  const Fp8Shared<S> shared{base, reinterpret_cast<Fp8TileInfo*>(aligned + S::INFO_AT), reinterpret_cast<float2*>(aligned + S::SCALES_AT)};
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    tensor_prefetch(mapQ);
    tensor_prefetch(mapK);
    tensor_prefetch(mapV);
    constexpr int WARPS = 4 * S::WARPGROUPS;
    barrier_init(shared.queryFull(), 1);
    barrier_init(shared.queryEmpty(), 32 * WARPS);
    for (int i = 0; i < S::STAGES; ++i) {
      barrier_init(shared.keysFull(i), 1);
      barrier_init(shared.keysEmpty(i), WARPS);
      barrier_init(shared.valuesFull(i), 1);
      barrier_init(shared.valuesEmpty(i), WARPS);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<40>();
    if (threadIdx.x == 0) produce<S>(mapQ, mapK, mapV, a, shared);
  } else {
    registers_raise<232>();
    consume<S>(a, shared, warpgroup - 1);
  }
}

}  // namespace hopper

#define HOPPER_FP8_SPARSE(NAME, ...)                                                                                        \
  extern "C" __global__ void __launch_bounds__(384, 1)                                                                      \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                              \
           const __grid_constant__ CUtensorMap mapV, const float* queryScales, const float2* blockScales,                   \
           unsigned short* out, int rows, int keys, int heads, int kvHeads, int ldo, float scale,                           \
           const unsigned short* kept, const int* keptCount, int blocks, const int4* tiles, int tileCount, int* counter) { \
    using S = hopper::Fp8Shape<__VA_ARGS__>;                                                                                \
    const hopper::Fp8Arguments a{queryScales, blockScales, out,  rows,      keys,   heads, heads / kvHeads,                 \
                                 ldo,         scale * hopper::LOG2E,         kept,  keptCount, tiles,  blocks, tileCount, counter}; \
    hopper::attention<S>(mapQ, mapK, mapV, a);                                                                              \
  }

//                                             D    stages
HOPPER_FP8_SPARSE(hopper_fp8_sparse_d128_b128, 128, 4)
HOPPER_FP8_SPARSE(hopper_fp8_sparse_d64_b128, 64, 4)
