// Dense and block-sparse (B = 128) bidirectional attention for Hopper: wgmma, tensor-map loads, warp specialisation.
//   nvcc -cubin -gencode=arch=compute_90a,code=sm_90a -O3 hopper_attention.cu
//
// kernel                       threads  query rows  K, V box rows  dynamic shared  registers at entry, consumers, producer
// hopper_dense_d128            512      192         80             214184          128, 160, 32
// hopper_dense_d128_rows128    384      128         160            197736          168, 240, 24
// hopper_dense_d64             512      192         128            124040          128, 160, 32
// hopper_sparse_d128_b128      384      128         128            164968          168, 232, 40
// hopper_sparse_d64_b128       384      128         128            148648          168, 232, 40
// hopper_dense_d128_rows128 is for few query rows: it wins where its last wave of CTAs is the fuller one (N = 4096).
// No spills. Grid: min(multiprocessors, heads * query tiles), query tiles = ceil(R / query rows), sparse: T.
//
// Parameters (each __global__): mapQ, mapK, mapV: CUtensorMap by value (128 bytes, 64-byte aligned), made by
// cuTensorMapEncodeTiled(type BFLOAT16, rank 2, base, globalDim {heads*D, rows}, globalStrides {ld*2} in bytes,
// boxDim {64, box rows}, elementStrides {1, 1}, INTERLEAVE_NONE, SWIZZLE_128B, L2_PROMOTION_128B, OOB_FILL_NONE); box rows of
// Q are 64. globalDim[1] is R for Q and N for K and V: rows beyond must not be read. Base 16-byte aligned, ld a multiple of 8.
//   out     bf16 [R, Hq*D], row stride ldo elements
//   lse     f32 [R, Hq] or null: ln(sum exp(scale * q.k))
//   rows R, keys N, heads Hq, kvHeads Hkv (divides Hq), ldo, scale > 0
//   sparse: kept uint16 [Hq][n][n], keptCount int32 [Hq][n] >= 1, blocks n, tiles int32 [T][4] = {first row, row count (1..B),
//           query block, 0}, tileCount T
//   counter int32 [1], zero before the first launch; every launch leaves it zero. Launches that may overlap need their own.
#include "hopper_flash.cuh"

namespace hopper {

struct Arguments {
  Output output;
  int rows, keys, group;
  float scaleLog2;
  const uint16_t* kept;  // sparse: the others are its own, too
  const int* keptCount;
  const int4* tiles;
  int blocks, tileCount;
  int* counter;
};

// Tiles of keys run from the last to the first, so that only the first one met can be ragged.
struct AllTiles {
  int tileKeys, count;
  __device__ __forceinline__ int row(int i) const { return (count - 1 - i) * tileKeys; }
};

struct KeptTiles {
  int tileKeys, count;
  const uint16_t* list;
  __device__ __forceinline__ int row(int i) const { return list[count - 1 - i] * tileKeys; }
};

template <class S, bool SPARSE>
__device__ __forceinline__ void produce(Loader<S> loader, const Arguments& a) {
  const int heads = a.output.heads, total = heads * a.tileCount;
  int tile = blockIdx.x;
  while (tile < total) {
    // The pull that returns total - 1 is the launch's last: it leaves the counter at zero for the next launch.
    const int pulled = atomicAdd(a.counter, 1);
    const int head = tile / a.tileCount, index = tile - head * a.tileCount;
    if (SPARSE) {
      const int4 t = a.tiles[index];
      const size_t row = static_cast<size_t>(head) * a.blocks + t.z;
      const KeptTiles source{S::KEYS, a.keptCount[row], a.kept + row * a.blocks};
      loader.load(source, head, head / a.group, t.x, t.y, source.count, min(S::KEYS, a.keys - source.row(0)));
    } else {
      const AllTiles source{S::KEYS, (a.keys + S::KEYS - 1) / S::KEYS};
      const int firstRow = index * S::ROWS;
      loader.load(source, head, head / a.group, firstRow, min(S::ROWS, a.rows - firstRow), source.count, a.keys - source.row(0));
    }
    if (pulled == total - 1) *a.counter = 0;
    tile = pulled + gridDim.x;
  }
  loader.end();
}

template <class S, bool SPARSE>
__device__ __forceinline__ void attention(const CUtensorMap& mapQ, const CUtensorMap& mapK, const CUtensorMap& mapV,
                                          const Arguments& a) {
  uint32_t base;
  char* shared = aligned_shared(base);
  const Pipeline<S> pipeline(shared, base);
  const int warpgroup = __shfl_sync(0xFFFFFFFF, threadIdx.x / 128, 0);
  if (threadIdx.x == 0) {
    tensor_prefetch(mapQ);
    tensor_prefetch(mapK);
    tensor_prefetch(mapV);
    pipeline.initialise();
  }
  __syncthreads();
  if (warpgroup == 0) {
    registers_lower<S::WARPGROUPS == 2 ? (SPARSE ? 40 : 24) : 32>();
    if (threadIdx.x == 0) produce<S, SPARSE>(Loader<S>{mapQ, mapK, mapV, pipeline}, a);
  } else {
    registers_raise<S::WARPGROUPS == 2 ? (SPARSE ? 232 : 240) : 160>();
    Plain hooks;
    consume(pipeline, a.output, a.scaleLog2, warpgroup - 1, hooks);
  }
}

}  // namespace hopper

#define HOPPER_DENSE(NAME, ...)                                                                                         \
  extern "C" __global__ void __launch_bounds__(hopper::Shape<__VA_ARGS__>::THREADS, 1)                                  \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                          \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,    \
           int kvHeads, int ldo, float scale, int* counter) {                                                           \
    using S = hopper::Shape<__VA_ARGS__>;                                                                               \
    const hopper::Arguments a{{out, lse, ldo, heads}, rows,    keys, heads / kvHeads, scale * hopper::LOG2E,            \
                              nullptr,                nullptr, nullptr, 0, (rows + S::ROWS - 1) / S::ROWS, counter};    \
    hopper::attention<S, false>(mapQ, mapK, mapV, a);                                                                   \
  }

#define HOPPER_SPARSE(NAME, ...)                                                                                        \
  extern "C" __global__ void __launch_bounds__(hopper::Shape<__VA_ARGS__>::THREADS, 1)                                  \
      NAME(const __grid_constant__ CUtensorMap mapQ, const __grid_constant__ CUtensorMap mapK,                          \
           const __grid_constant__ CUtensorMap mapV, unsigned short* out, float* lse, int rows, int keys, int heads,    \
           int kvHeads, int ldo, float scale, const unsigned short* kept, const int* keptCount, int blocks,             \
           const int4* tiles, int tileCount, int* counter) {                                                            \
    const hopper::Arguments a{{out, lse, ldo, heads}, rows,      keys,  heads / kvHeads, scale * hopper::LOG2E,         \
                              kept,                   keptCount, tiles, blocks,          tileCount, counter};           \
    hopper::attention<hopper::Shape<__VA_ARGS__>, true>(mapQ, mapK, mapV, a);                                           \
  }

//                                     D    keys stages warpgroups
#ifndef HOPPER_VARIANTS
HOPPER_DENSE(hopper_dense_d128, 128, 80, 4, 3)
HOPPER_DENSE(hopper_dense_d128_rows128, 128, 160, 2, 2)
HOPPER_DENSE(hopper_dense_d64, 64, 128, 3, 3)
HOPPER_SPARSE(hopper_sparse_d128_b128, 128, 128, 2, 2)
HOPPER_SPARSE(hopper_sparse_d64_b128, 64, 128, 4, 2)
#else
#include HOPPER_VARIANTS
#endif
