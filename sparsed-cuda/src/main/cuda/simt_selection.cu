// SparseD's selection (arXiv 2509.24014, section 3.1) without tensor cores, for any block size and head dimension. One thread block streams
// Q.K^T of one query block, sums exp(score - logsumexp) per key block, and keeps the most important, as many as the budget of top_k.cuh
// takes: no memory beyond one float per key block.
// Grid: (query blocks, query heads). Block: 128 threads. Dynamic shared memory: 32 * (2 * head_dim + 1) + 2 * blocks + 8 floats.
#include "simt.cuh"
#include "top_k.cuh"

extern __shared__ float shared[];

// A lane's score of each of the warp's 8 rows with its key of the tile; -inf beyond `count` keys.
template <typename T>
__device__ void scores(const T* keys, int first, int count, int stride, int head_dim, float scale, const float* q, float* k, float* result) {
    int warp_row = threadIdx.x / WARP * ROWS_PER_WARP, lane = threadIdx.x % WARP;
    __syncthreads();
    load_tile(keys, first, count, stride, head_dim, k, head_dim + 1);
    __syncthreads();
#pragma unroll
    for (int r = 0; r < ROWS_PER_WARP; r++) result[r] = 0;
    for (int d = 0; d < head_dim; d++) {
        float key = k[lane * (head_dim + 1) + d];
#pragma unroll
        for (int r = 0; r < ROWS_PER_WARP; r++) result[r] += q[(warp_row + r) * head_dim + d] * key;
    }
#pragma unroll
    for (int r = 0; r < ROWS_PER_WARP; r++) result[r] = lane < count ? result[r] * scale : -CUDART_INF_F;
}

template <typename T>
__device__ void select(const T* queries, const T* keys, const float* logsumexp, unsigned* words, int canvas, int block_size, int first_generation_block,
                       int heads, int group, int head_dim, float scale, Budget of_all, Budget of_generated) {
    int head = blockIdx.y, blocks = (canvas + block_size - 1) / block_size, words_per_row = (blocks + 63) / 64 * 2;
    int stride = heads / group * head_dim, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int block_start = blockIdx.x * block_size, block_end = min(block_start + block_size, canvas);
    const T* head_keys = keys + static_cast<size_t>(head / group) * head_dim;
    float* q = shared;
    float* k = q + TILE * head_dim;
    float* importance = k + TILE * (head_dim + 1);
    float* generation = importance + blocks;
    float* partial = generation + blocks; // 2 per warp
    for (int i = threadIdx.x; i < blocks; i += blockDim.x) importance[i] = generation[i] = 0;

    for (int first = block_start; first < block_end; first += TILE) {
        int count = min(TILE, block_end - first);
        __syncthreads();
        load_tile(queries + static_cast<size_t>(head) * head_dim, first, count, heads * head_dim, head_dim, q, head_dim);
        float p[ROWS_PER_WARP], all[ROWS_PER_WARP], generated[ROWS_PER_WARP], sum[ROWS_PER_WARP];
#pragma unroll
        for (int r = 0; r < ROWS_PER_WARP; r++) {
            int row = warp * ROWS_PER_WARP + r;
            all[r] = row < count ? logsumexp[static_cast<size_t>(first + row) * heads + head] : CUDART_INF_F; // exp(score - inf) = 0
            generated[r] = -CUDART_INF_F;
            sum[r] = 0;
        }
        for (int from = first_generation_block * block_size; from < canvas; from += TILE) { // the log-sum-exp over the generation keys
            scores(head_keys, from, min(TILE, canvas - from), stride, head_dim, scale, q, k, p);
#pragma unroll
            for (int r = 0; r < ROWS_PER_WARP; r++) {
                float highest = p[r];
#pragma unroll
                for (int offset = WARP / 2; offset > 0; offset /= 2) highest = fmaxf(highest, __shfl_xor_sync(ALL_LANES, highest, offset));
                highest = fmaxf(highest, generated[r]);
                sum[r] = sum[r] * expf(generated[r] - highest) + warp_sum(expf(p[r] - highest));
                generated[r] = highest;
            }
        }
#pragma unroll
        for (int r = 0; r < ROWS_PER_WARP; r++) generated[r] = all[r] == CUDART_INF_F ? CUDART_INF_F : generated[r] + logf(sum[r]);
        for (int block = 0; block < blocks; block++) {
            int end = min((block + 1) * block_size, canvas);
            float of_all = 0, of_generated = 0;
            for (int from = block * block_size; from < end; from += TILE) {
                scores(head_keys, from, min(TILE, end - from), stride, head_dim, scale, q, k, p);
#pragma unroll
                for (int r = 0; r < ROWS_PER_WARP; r++) {
                    of_all += expf(p[r] - all[r]);
                    if (block >= first_generation_block) of_generated += expf(p[r] - generated[r]);
                }
            }
            of_all = warp_sum(of_all);
            of_generated = warp_sum(of_generated);
            if (lane == 0) {
                partial[2 * warp] = of_all;
                partial[2 * warp + 1] = of_generated;
            }
            __syncthreads();
            if (threadIdx.x < 2) {
                float total = partial[threadIdx.x] + partial[2 + threadIdx.x] + partial[4 + threadIdx.x] + partial[6 + threadIdx.x];
                (threadIdx.x == 0 ? importance : generation)[block] += total;
            }
        }
    }
    __syncthreads();
    if (warp > 0) return;
    Threshold most(importance, blocks, of_all);
    Threshold most_generated(generation + first_generation_block, blocks - first_generation_block, of_generated);
    size_t row = (static_cast<size_t>(head) * blocks + blockIdx.x) * words_per_row;
    for (int word = 0; word < words_per_row; word++) {
        int block = word * WARP + lane;
        bool in_prompt = most.keeps(block < blocks ? importance[block] : 0.f, block < blocks) && block < first_generation_block;
        bool generated = block >= first_generation_block && block < blocks;
        bool in_generation = most_generated.keeps(generated ? generation[block] : 0.f, generated);
        unsigned mask = __ballot_sync(ALL_LANES, in_prompt || in_generation);
        if (lane == 0) words[row + word] = mask;
    }
}

#define KERNEL(T, NAME) \
    extern "C" __global__ void __launch_bounds__(128) simt_select_##NAME(const T* queries, const T* keys, const float* logsumexp, unsigned* words, \
                                                  int canvas, int block_size, int first_generation_block, int heads, int group, int head_dim, float scale, \
                                                  int least_of_all, int most_of_all, int least_generated, int most_generated, float coverage) { \
        select(queries, keys, logsumexp, words, canvas, block_size, first_generation_block, heads, group, head_dim, scale, \
               {least_of_all, most_of_all, coverage}, {least_generated, most_generated, coverage}); \
    }
KERNEL(float, f32)
KERNEL(bf16, bf16)
