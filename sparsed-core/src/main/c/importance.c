// The importance of key blocks (SparseD, arXiv 2509.24014, 3.1) out of what attention.c sums by block. With a block's sum l_j to the shift
// m_j, and l and m over all keys, a query gives block j the weight l_j·2^(m_j - m) / l. Over the generation keys alone, the blocks from `first`
// on, m is the shift of block `first`, the largest of them, since it is attended to last, and l the sum of their l_j·2^(m_j - m).
#include "scores.h"

INLINE __m512 weighed(const block_sums *of, int64_t lane, __m512 shift, __m512 factor) {
    __m512 sum = _mm512_scalef_ps(_mm512_load_ps(of->sum + lane), _mm512_sub_ps(_mm512_load_ps(of->shift + lane), shift));
    return _mm512_mul_ps(sum, factor);
}

// Adds the weights that the queries from … to - 1 of a tile give to blocks 0 … count - 1, and those that count among the generation's.
EXPORT void sparsed_importance(
        const block_sums *blocks, int64_t count, int64_t first, uint8_t *side, int64_t head_dim, int64_t from, int64_t to,
        double *overall, double *isolated) {
    const state *states = states_of(side, depth_tiles_of(head_dim));
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int64_t lane = from / 16 * 16; lane < to; lane += 16) {
        __mmask16 mask = first16(to - lane) & ~first16(from - lane);
        const state *own = states + lane / PART;
        __m512 shift = _mm512_load_ps(own->shift + lane % PART);
        __m512 factor = _mm512_div_ps(one, _mm512_load_ps(own->sum + lane % PART));
        __m512 largest_shift = _mm512_load_ps(blocks[first].shift + lane), sum = _mm512_setzero_ps();
        for (int64_t j = first; j < count; j++) {
            sum = _mm512_add_ps(sum, weighed(blocks + j, lane, largest_shift, one));
        }
        __m512 isolated_factor = _mm512_div_ps(one, sum);
        for (int64_t j = 0; j < count; j++) {
            overall[j] += _mm512_mask_reduce_add_ps(mask, weighed(blocks + j, lane, shift, factor));
        }
        for (int64_t j = first; j < count; j++) {
            isolated[j - first] += _mm512_mask_reduce_add_ps(mask, weighed(blocks + j, lane, largest_shift, isolated_factor));
        }
    }
}
