// Queries, keys and values to 8-bit floats (e4m3) as hopper_fp8_attention.cu reads them: code = e4m3(x / scale), to nearest, with
// scale = max |x| / 448 (1 where all is zero) over a row of a head (queries) or over 128 rows of a head (keys, values).
//
// hopper_fp8_queries_d128, _d64      grid: ceil(rows * heads / (4 * 2048 / D)), block: 256 threads
//   x bf16 [rows, heads*D], out e4m3 alike, scales f32 [rows, heads], vectors rows * heads
// hopper_fp8_keys_values_d128, _d64  grid: (blocks, kvHeads, 2: keys, values), block: 256 threads
//   k, v bf16 [N, kvHeads*D]; keysOut e4m3 [N, kvHeads*D]; valuesOut e4m3 [kvHeads*D, blocks*128], V transposed, zeros beyond N;
//   scales f32 [kvHeads][blocks][2] (of the keys, of the values); N, kvHeads, blocks = ceil(N / 128)
//   Position 16h + 4t + e of each 32 keys (h < 2, t < 4, e < 4) holds key 16h + 8(e / 2) + 2t + e % 2: the accumulators of Q K^T,
//   of which thread t of a row has columns 8j + 2t and 8j + 2t + 1, are the A operand of P V in place then.
// No dynamic shared memory, 16-byte aligned addresses.
#include "e4m3.cuh"
#include "hopper_fp8.cuh"

namespace hopper {

constexpr int THREADS = 256;
constexpr int BLOCK = 128;   // keys
constexpr int WIDTH = 8;     // bf16 of a load
constexpr int PER_LANE = 4;  // loads in flight

__device__ __forceinline__ void widen(float (&x)[WIDTH], uint4 packed) {
  const uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    x[2 * i] = __uint_as_float(words[i] << 16);
    x[2 * i + 1] = __uint_as_float(words[i] & 0xFFFF0000);
  }
}

__device__ __forceinline__ float largest_of(uint4 packed, float largest) {
  float x[WIDTH];
  widen(x, packed);
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) largest = fmaxf(largest, fabsf(x[i]));
  return largest;
}

__device__ __forceinline__ uint2 rounded(uint4 packed, float inverse) {
  float x[WIDTH];
  widen(x, packed);
#pragma unroll
  for (int i = 0; i < WIDTH; ++i) x[i] *= inverse;
  return make_uint2(pack_e4m3(x[0], x[1], x[2], x[3]), pack_e4m3(x[4], x[5], x[6], x[7]));
}

template <int DIM>
__device__ __forceinline__ void queries(const bf16_bits* x, unsigned char* out, float* scales, int vectors) {
  constexpr int LANES = DIM / WIDTH;  // of a vector
  constexpr int STEP = THREADS / LANES;
  const int first = blockIdx.x * STEP * PER_LANE + threadIdx.x / LANES;
  const int column = threadIdx.x % LANES * WIDTH;
  uint4 packed[PER_LANE];
#pragma unroll
  for (int i = 0; i < PER_LANE; ++i) {
    const int vector = first + i * STEP;
    packed[i] = vector < vectors ? *reinterpret_cast<const uint4*>(x + static_cast<size_t>(vector) * DIM + column) : uint4{};
  }
#pragma unroll
  for (int i = 0; i < PER_LANE; ++i) {
    float largest = largest_of(packed[i], 0);
#pragma unroll
    for (int offset = LANES / 2; offset > 0; offset /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xFFFFFFFF, largest, offset));
    const int vector = first + i * STEP;
    const float scale = e4m3_scale(largest);
    if (vector < vectors) {
      *reinterpret_cast<uint2*>(out + static_cast<size_t>(vector) * DIM + column) = rounded(packed[i], 1.0f / scale);
      if (column == 0) scales[vector] = scale;
    }
  }
}

// The maximum over the thread block, which every thread gets.
__device__ __forceinline__ float block_max(float x) {
  __shared__ float scratch[THREADS / 32];
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x = fmaxf(x, __shfl_xor_sync(0xFFFFFFFF, x, offset));
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = x;
  __syncthreads();
#pragma unroll
  for (int warp = 0; warp < THREADS / 32; ++warp) x = fmaxf(x, scratch[warp]);
  return x;
}

// The key at position 4 * quad + e of a block, e < 4.
__device__ __forceinline__ int key_at(int quad, int e) {
  return quad / 8 * 32 + quad / 4 % 2 * 16 + e / 2 * 8 + quad % 4 * 2 + e % 2;
}

template <int DIM>
__device__ __forceinline__ void keys_values(const bf16_bits* k, const bf16_bits* v, unsigned char* keysOut, unsigned char* valuesOut,
                                            float* scales, int keys, int kvHeads, int blocks) {
  constexpr int GROUPS = DIM / WIDTH;
  constexpr int QUADS = BLOCK / 4;
  constexpr int ITEMS = QUADS * GROUPS / THREADS;  // four keys times eight columns each
  constexpr int STRIDE = QUADS + 1;                // words of a transposed row, and one against bank conflicts
  __shared__ uint32_t transposed[DIM * STRIDE];
  const bool values = blockIdx.z == 1;
  const int block = blockIdx.x, head = blockIdx.y, group = threadIdx.x % GROUPS;
  const size_t ld = static_cast<size_t>(kvHeads) * DIM;
  const size_t at = head * DIM + group * WIDTH;
  const bf16_bits* x = (values ? v : k) + at;
  uint4 packed[ITEMS][4];
  float largest = 0;
#pragma unroll
  for (int i = 0; i < ITEMS; ++i) {
    const int quad = threadIdx.x / GROUPS + i * (THREADS / GROUPS);
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const int key = block * BLOCK + key_at(quad, e);
      packed[i][e] = key < keys ? *reinterpret_cast<const uint4*>(x + key * ld) : uint4{};
    }
  }
#pragma unroll
  for (int i = 0; i < ITEMS; ++i) {
#pragma unroll
    for (int e = 0; e < 4; ++e) largest = largest_of(packed[i][e], largest);
  }
  const float scale = e4m3_scale(block_max(largest));
  const float inverse = 1.0f / scale;
  if (threadIdx.x == 0) scales[2 * (static_cast<size_t>(head) * blocks + block) + values] = scale;
  if (!values) {
#pragma unroll
    for (int i = 0; i < ITEMS; ++i) {
      const int quad = threadIdx.x / GROUPS + i * (THREADS / GROUPS);
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int key = block * BLOCK + key_at(quad, e);
        if (key < keys) *reinterpret_cast<uint2*>(keysOut + key * ld + at) = rounded(packed[i][e], inverse);
      }
    }
    return;
  }
#pragma unroll
  for (int i = 0; i < ITEMS; ++i) {
    const int quad = threadIdx.x / GROUPS + i * (THREADS / GROUPS);
    float y[4][WIDTH];
#pragma unroll
    for (int e = 0; e < 4; ++e) widen(y[e], packed[i][e]);
#pragma unroll
    for (int c = 0; c < WIDTH; ++c) {
      transposed[(group * WIDTH + c) * STRIDE + quad] =
          pack_e4m3(y[0][c] * inverse, y[1][c] * inverse, y[2][c] * inverse, y[3][c] * inverse);
    }
  }
  __syncthreads();
  constexpr int CHUNKS = BLOCK / 16;
#pragma unroll
  for (int i = threadIdx.x; i < DIM * CHUNKS; i += THREADS) {
    const int column = i / CHUNKS, chunk = i % CHUNKS;
    const uint32_t* row = transposed + column * STRIDE + chunk * 4;
    *reinterpret_cast<uint4*>(valuesOut + (static_cast<size_t>(head) * DIM + column) * blocks * BLOCK + block * BLOCK + chunk * 16) =
        make_uint4(row[0], row[1], row[2], row[3]);
  }
}

}  // namespace hopper

#define HOPPER_FP8_OPERANDS(DIM)                                                                                                  \
  extern "C" __global__ void __launch_bounds__(256)                                                                               \
      hopper_fp8_queries_d##DIM(const unsigned short* x, unsigned char* out, float* scales, int vectors) {                        \
    hopper::queries<DIM>(x, out, scales, vectors);                                                                                \
  }                                                                                                                               \
  extern "C" __global__ void __launch_bounds__(256)                                                                               \
      hopper_fp8_keys_values_d##DIM(const unsigned short* k, const unsigned short* v, unsigned char* keysOut,                     \
                                    unsigned char* valuesOut, float* scales, int keys, int kvHeads, int blocks) {                 \
    hopper::keys_values<DIM>(k, v, keysOut, valuesOut, scales, keys, kvHeads, blocks);                                            \
  }

HOPPER_FP8_OPERANDS(128)
HOPPER_FP8_OPERANDS(64)
