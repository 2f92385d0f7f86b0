// Sums of 2^(s - shift) by query and key block, for the selection of blocks (SparseD, arXiv 2509.24014, 3.1). The queries are those of
// sparsed_attention_begin. [slots][128] sums: query i of the tile is lane i.
#include "scores.h"

enum { LANES = MOST_PARTS * PART };

INLINE void add_exponentials(const float *s, uint32_t mask, const float *shift, float *sums, float *totals) {
    for (int half = 0; half < PART; half += 16) {
        __m512 shifts = _mm512_load_ps(shift + half), even = _mm512_setzero_ps(), odd = even;
        for (int key = 0; key < 32; key += 2) {
            __mmask16 counts_even = (mask >> key & 1) ? 0xffff : 0, counts_odd = (mask >> (key + 1) & 1) ? 0xffff : 0;
            __m512 e = exp2_ps(_mm512_sub_ps(_mm512_load_ps(s + key * PART + half), shifts));
            __m512 o = exp2_ps(_mm512_sub_ps(_mm512_load_ps(s + (key + 1) * PART + half), shifts));
            even = _mm512_mask_add_ps(even, counts_even, even, e);
            odd = _mm512_mask_add_ps(odd, counts_odd, odd, o);
        }
        even = _mm512_add_ps(even, odd);
        _mm512_store_ps(sums + half, _mm512_add_ps(_mm512_load_ps(sums + half), even));
        _mm512_store_ps(totals + half, _mm512_add_ps(_mm512_load_ps(totals + half), even));
    }
}

// sums[slot][lane] and totals[lane], the sum over all slots.
EXPORT void sparsed_block_sums(
        const uint16_t *keys, const entry *list, int64_t count, int64_t slots, int64_t rows, int64_t head_dim, const void *scratch,
        const float *shifts, float *sums, float *totals) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH, tiles = depth_tiles * 2 * TILE_BF16;
    int64_t parts = (rows + PART - 1) / PART;
    const uint16_t *queries = scratch;
    float s[2][SCORES] __attribute__((aligned(64)));
    for (int64_t i = 0; i < slots * LANES; i += 16) {
        _mm512_store_ps(sums + i, _mm512_setzero_ps());
    }
    for (int i = 0; i < LANES; i += 16) {
        _mm512_store_ps(totals + i, _mm512_setzero_ps());
    }
    TILES_BEGIN();
    for (int64_t i = 0, steps = count * parts; i <= steps; i++) {
        if (i < steps) {
            scores(queries + i % parts * tiles, keys + list[i / parts].group * tiles, depth_tiles, s[i % 2]);
        }
        if (i > 0) { // of the step before: its scores are there
            const entry *of = list + (i - 1) / parts;
            int64_t lane = (i - 1) % parts * PART;
            add_exponentials(s[(i - 1) % 2], of->mask, shifts + lane, sums + of->slot * LANES + lane, totals + lane);
        }
    }
    TILES_END();
}

// Largest score of every lane.
EXPORT void sparsed_row_maxima(
        const uint16_t *keys, const entry *list, int64_t count, int64_t rows, int64_t head_dim, const void *scratch, float *maxima) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH, tiles = depth_tiles * 2 * TILE_BF16;
    const uint16_t *queries = scratch;
    float s[SCORES] __attribute__((aligned(64)));
    TILES_BEGIN();
    for (int64_t part = 0; part * PART < rows; part++) {
        __m512 max[2], all[2];
        all[0] = all[1] = _mm512_set1_ps(-__builtin_inff());
        for (int64_t i = 0; i < count; i++) {
            scores(queries + part * tiles, keys + list[i].group * tiles, depth_tiles, s);
            largest(s, list[i].mask, max);
            all[0] = _mm512_max_ps(all[0], max[0]);
            all[1] = _mm512_max_ps(all[1], max[1]);
        }
        _mm512_store_ps(maxima + part * PART, all[0]);
        _mm512_store_ps(maxima + part * PART + 16, all[1]);
    }
    TILES_END();
}

// importance[slot] += sum over lanes of weight·sums[slot].
EXPORT void sparsed_weigh(const float *sums, int64_t slots, int64_t rows, const float *weights, double *importance, int64_t offset) {
    for (int64_t slot = 0; slot < slots; slot++) {
        __m512 sum = _mm512_setzero_ps();
        for (int64_t lane = 0; lane < rows; lane += 16) {
            __mmask16 mask = first16(rows - lane);
            __m512 weight = _mm512_maskz_loadu_ps(mask, weights + lane);
            sum = _mm512_mask3_fmadd_ps(_mm512_load_ps(sums + slot * LANES + lane), weight, sum, mask);
        }
        importance[offset + slot] += _mm512_reduce_add_ps(sum);
    }
}
