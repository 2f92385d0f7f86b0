// Attention without tensor cores, in float32 arithmetic: for float32 models, and for head sizes and block sizes that the fast kernels lack.
// Grid: dense (rows / 32 rounded up, 1, query heads), sparse (tiles, block size / 32 rounded up, query heads). Block: 128 threads. Dynamic
// shared memory: 32 * (3 * head_dim + 1) floats. A warp owns 8 query rows; in Q.K^T a lane owns a key, in P.V some features.
// Layouts: queries [R, query heads * D], keys and values [N, key/value heads * D], row-major; logsumexp [R, query heads] or null.
#include "simt.cuh"

template <typename T, int FEATURES> // features per lane: head_dim <= 32 * FEATURES
struct Simt {
    const T *keys, *values;
    int head_dim, stride;
    float scale;
    float *q, *k, *v; // shared memory; k rows are padded by one float against bank conflicts
    float out[ROWS_PER_WARP][FEATURES];
    float max[ROWS_PER_WARP], sum[ROWS_PER_WARP];

    __device__ void start() {
#pragma unroll
        for (int r = 0; r < ROWS_PER_WARP; r++) {
            max[r] = -CUDART_INF_F;
            sum[r] = 0;
#pragma unroll
            for (int f = 0; f < FEATURES; f++) out[r][f] = 0;
        }
    }

    // Online softmax over the keys [from, to).
    __device__ void attend(int from, int to) {
        int warp_row = threadIdx.x / WARP * ROWS_PER_WARP, lane = threadIdx.x % WARP;
        for (int first = from; first < to; first += TILE) {
            int count = min(TILE, to - first);
            __syncthreads();
            load_tile(keys, first, count, stride, head_dim, k, head_dim + 1);
            load_tile(values, first, count, stride, head_dim, v, head_dim);
            __syncthreads();
            float p[ROWS_PER_WARP] = {};
            for (int d = 0; d < head_dim; d++) {
                float key = k[lane * (head_dim + 1) + d];
#pragma unroll
                for (int r = 0; r < ROWS_PER_WARP; r++) p[r] += q[(warp_row + r) * head_dim + d] * key;
            }
#pragma unroll
            for (int r = 0; r < ROWS_PER_WARP; r++) {
                float score = lane < count ? p[r] * scale : -CUDART_INF_F;
                float highest = score;
#pragma unroll
                for (int offset = WARP / 2; offset > 0; offset /= 2) highest = fmaxf(highest, __shfl_xor_sync(ALL_LANES, highest, offset));
                highest = fmaxf(highest, max[r]); // finite: every tile has a key
                float correction = expf(max[r] - highest);
                p[r] = expf(score - highest);
                sum[r] = sum[r] * correction + warp_sum(p[r]);
                max[r] = highest;
#pragma unroll
                for (int f = 0; f < FEATURES; f++) out[r][f] *= correction;
            }
            for (int j = 0; j < count; j++) {
                float value[FEATURES];
#pragma unroll
                for (int f = 0; f < FEATURES; f++) value[f] = lane + f * WARP < head_dim ? v[j * head_dim + lane + f * WARP] : 0.f;
#pragma unroll
                for (int r = 0; r < ROWS_PER_WARP; r++) {
                    float weight = __shfl_sync(ALL_LANES, p[r], j);
#pragma unroll
                    for (int f = 0; f < FEATURES; f++) out[r][f] += weight * value[f];
                }
            }
        }
    }

    __device__ void store(T* to, float* logsumexp, int first, int count, int columns, int head, int heads) {
        int warp_row = threadIdx.x / WARP * ROWS_PER_WARP, lane = threadIdx.x % WARP;
#pragma unroll
        for (int r = 0; r < ROWS_PER_WARP; r++) {
            if (warp_row + r >= count) continue;
            size_t row = first + warp_row + r;
#pragma unroll
            for (int f = 0; f < FEATURES; f++) {
                int column = lane + f * WARP;
                if (column < head_dim) to[row * columns + static_cast<size_t>(head) * head_dim + column] = from_float<T>(out[r][f] / sum[r]);
            }
            if (logsumexp != nullptr && lane == 0) logsumexp[row * heads + head] = max[r] + logf(sum[r]);
        }
    }
};

extern __shared__ float shared[];

template <typename T, int FEATURES>
__device__ Simt<T, FEATURES> begin(const T* queries, const T* keys, const T* values, int first, int count, int heads, int group, int head_dim, float scale) {
    int head = blockIdx.z, columns = heads * head_dim, stride = heads / group * head_dim, offset = head / group * head_dim;
    float* k = shared + TILE * head_dim;
    float* v = k + TILE * (head_dim + 1);
    Simt<T, FEATURES> simt{keys + offset, values + offset, head_dim, stride, scale, shared, k, v, {}, {}, {}};
    load_tile(queries + static_cast<size_t>(head) * head_dim, first, count, columns, head_dim, shared, head_dim);
    simt.start();
    return simt;
}

template <typename T, int FEATURES>
__device__ void dense(const T* queries, const T* keys, const T* values, T* out, float* logsumexp, int rows, int canvas, int heads, int group, int head_dim, float scale) {
    int first = blockIdx.x * TILE, count = min(TILE, rows - first);
    auto simt = begin<T, FEATURES>(queries, keys, values, first, count, heads, group, head_dim, scale);
    simt.attend(0, canvas);
    simt.store(out, logsumexp, first, count, heads * head_dim, blockIdx.z, heads);
}

// tiles: (first row, rows, query block, 0) per tile, all rows of a tile in that query block. kept: [heads, blocks, blocks] ascending key blocks
// of every head and query block, kept_count: [heads, blocks] how many.
template <typename T, int FEATURES>
__device__ void sparse(const T* queries, const T* keys, const T* values, T* out, float* logsumexp, const int4* tiles, const unsigned short* kept, const int* kept_count, int canvas, int block_size, int heads, int group, int head_dim, float scale) {
    int4 tile = tiles[blockIdx.x];
    int first = tile.x + blockIdx.y * TILE, count = min(TILE, tile.x + tile.y - first);
    if (count <= 0) return;
    auto simt = begin<T, FEATURES>(queries, keys, values, first, count, heads, group, head_dim, scale);
    int blocks = (canvas + block_size - 1) / block_size;
    size_t row = static_cast<size_t>(blockIdx.z) * blocks + tile.z;
    for (int i = 0; i < kept_count[row]; i++) {
        int block = kept[row * blocks + i];
        simt.attend(block * block_size, min((block + 1) * block_size, canvas));
    }
    simt.store(out, logsumexp, first, count, heads * head_dim, blockIdx.z, heads);
}

#define KERNELS(T, NAME, D, FEATURES) \
    extern "C" __global__ void __launch_bounds__(128) simt_dense_##NAME##_d##D(const T* queries, const T* keys, const T* values, T* out, float* logsumexp, \
                                                       int rows, int canvas, int heads, int group, int head_dim, float scale) { \
        dense<T, FEATURES>(queries, keys, values, out, logsumexp, rows, canvas, heads, group, head_dim, scale); \
    } \
    extern "C" __global__ void __launch_bounds__(128) simt_sparse_##NAME##_d##D(const T* queries, const T* keys, const T* values, T* out, float* logsumexp, const int4* tiles, \
                                                        const unsigned short* kept, const int* kept_count, int canvas, int block_size, int heads, int group, int head_dim, float scale) { \
        sparse<T, FEATURES>(queries, keys, values, out, logsumexp, tiles, kept, kept_count, canvas, block_size, heads, group, head_dim, scale); \
    }
// _dD serves head dimensions up to D.
KERNELS(float, f32, 64, 2)
KERNELS(float, f32, 128, 4)
KERNELS(float, f32, 256, 8)
KERNELS(bf16, bf16, 64, 2)
KERNELS(bf16, bf16, 128, 4)
KERNELS(bf16, bf16, 256, 8)
