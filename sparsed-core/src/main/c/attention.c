// FlashAttention (arXiv 2205.14135) of up to 128 queries of one head over any list of keys. With a shift m, a sum l and an output O of a
// query, a group of keys with scores s (to base 2) changes them to
//     p = 2^(s - m)    l' = l + sum of p    O' = O + p·V
// and the result is O / l. The shift is the largest score of the first group, rounded; it is raised only where a group's sum exceeds 2^16,
// and then what was summed so far is scaled. What a query gets depends on itself and the list of keys, not on its neighbours.
// The scores of the next group are on the tiles while the exponentials of this one are on the vectors.
#include "scores.h"

enum { BLOCK = 8 }; // groups whose p are collected before p·V: outputs pass through memory once per 256 keys

static const float MOST = 0x1p16f;

typedef struct {
    float shift[PART], sum[PART];
} state;

// Scratch: queries, then outputs [part][depth tile][2 halves of the tile][2 halves of the part][16 features][16 queries], then states.
INLINE uint16_t *queries_of(void *scratch) { return scratch; }
INLINE float *outputs_of(void *scratch, int64_t depth_tiles) {
    return (float *)((uint8_t *)scratch + MOST_PARTS * depth_tiles * 2 * TILE_BYTES);
}
INLINE state *states_of(void *scratch, int64_t depth_tiles) {
    return (state *)((uint8_t *)scratch + MOST_PARTS * depth_tiles * 6 * TILE_BYTES);
}

// Packs the queries, scaled, and clears outputs and states.
EXPORT void sparsed_attention_begin(
        const float *q, int64_t offset, int64_t stride, int64_t rows, int64_t head_dim, float scale, void *scratch) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH, parts = (rows + PART - 1) / PART;
    uint16_t *to = queries_of(scratch);
    const __m512 factor = _mm512_set1_ps(scale);
    for (int64_t part = 0; part < parts; part++) {
        for (int64_t d = 0; d < depth_tiles * TILE_DEPTH; d += TILE_DEPTH) {
            for (int64_t row = part * PART; row < part * PART + PART; row += 16, to += TILE_BF16) {
                __m512i r[16];
                for (int64_t i = 0; i < 16; i++) {
                    r[i] = row + i < rows ? load_bf16(q + offset + (row + i) * stride + d, head_dim - d, factor)
                                          : _mm512_setzero_si512();
                }
                transpose(r);
                for (int i = 0; i < 16; i++) {
                    _mm512_store_si512(to + i * 32, r[i]);
                }
            }
        }
    }
    float *outputs = outputs_of(scratch, depth_tiles);
    for (int64_t i = 0; i < parts * depth_tiles * 4 * TILE_FLOATS; i += 16) {
        _mm512_store_ps(outputs + i, _mm512_setzero_ps());
    }
    state *states = states_of(scratch, depth_tiles);
    for (int64_t part = 0; part < parts; part++) {
        for (int i = 0; i < PART; i += 16) {
            _mm512_store_ps(states[part].shift + i, _mm512_set1_ps(-__builtin_inff()));
            _mm512_store_ps(states[part].sum + i, _mm512_setzero_ps());
        }
    }
}

// The bits of two positive floats, rounded to bf16, as neighbours.
INLINE __m512i pair(__m512 even, __m512 odd) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(even), half), 16);
    __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, low, high);
}

// p of one group into two tiles [16 pairs of keys][16 queries][2]. Returns the queries whose sum is too large, one bit each, or adds the sums.
INLINE uint32_t exponentiate(const float *s, uint32_t mask, int all, state *own, int anyhow, uint16_t *p) {
    __m512 shift0 = _mm512_load_ps(own->shift), shift1 = _mm512_load_ps(own->shift + 16);
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (int i = 0; i < 16; i++) {
        const float *even = s + 2 * i * PART, *odd = even + PART;
        __m512 a0 = exp2_ps(_mm512_sub_ps(_mm512_load_ps(even), shift0));
        __m512 a1 = exp2_ps(_mm512_sub_ps(_mm512_load_ps(even + 16), shift1));
        __m512 b0 = exp2_ps(_mm512_sub_ps(_mm512_load_ps(odd), shift0));
        __m512 b1 = exp2_ps(_mm512_sub_ps(_mm512_load_ps(odd + 16), shift1));
        if (!all) {
            __mmask16 counts_even = (mask >> 2 * i & 1) ? 0xffff : 0, counts_odd = (mask >> (2 * i + 1) & 1) ? 0xffff : 0;
            a0 = _mm512_maskz_mov_ps(counts_even, a0);
            a1 = _mm512_maskz_mov_ps(counts_even, a1);
            b0 = _mm512_maskz_mov_ps(counts_odd, b0);
            b1 = _mm512_maskz_mov_ps(counts_odd, b1);
        }
        sum0 = _mm512_add_ps(sum0, a0);
        sum1 = _mm512_add_ps(sum1, a1);
        sum2 = _mm512_add_ps(sum2, b0);
        sum3 = _mm512_add_ps(sum3, b1);
        _mm512_store_si512(p + i * 32, pair(a0, b0));
        _mm512_store_si512(p + TILE_BF16 + i * 32, pair(a1, b1));
    }
    sum0 = _mm512_add_ps(sum0, sum2);
    sum1 = _mm512_add_ps(sum1, sum3);
    const __m512 most = _mm512_set1_ps(MOST);
    uint32_t over = _mm512_cmp_ps_mask(sum0, most, _CMP_NLE_UQ) | (uint32_t)_mm512_cmp_ps_mask(sum1, most, _CMP_NLE_UQ) << 16;
    if (over && !anyhow) {
        return over;
    }
    _mm512_store_ps(own->sum, _mm512_add_ps(_mm512_load_ps(own->sum), sum0));
    _mm512_store_ps(own->sum + 16, _mm512_add_ps(_mm512_load_ps(own->sum + 16), sum1));
    return 0;
}

// O += p·V over the groups list[0 … count - 1].
INLINE void add_values(const entry *list, int64_t count, const uint16_t *p, const uint16_t *values, int64_t depth_tiles, float *outputs) {
    for (int64_t d = 0; d < depth_tiles; d++, outputs += 4 * TILE_FLOATS) {
        TILE_LOAD(0, outputs, 64);
        TILE_LOAD(1, outputs + TILE_FLOATS, 64);
        TILE_LOAD(2, outputs + 2 * TILE_FLOATS, 64);
        TILE_LOAD(3, outputs + 3 * TILE_FLOATS, 64);
        for (int64_t i = 0; i < count; i++) {
            const uint16_t *v = values + (list[i].group * depth_tiles + d) * 2 * TILE_BF16, *from = p + i * 2 * TILE_BF16;
            TILE_LOAD(4, v, 64);
            TILE_LOAD(6, from, 64);
            TILE_DOT(0, 4, 6);
            TILE_LOAD(7, from + TILE_BF16, 64);
            TILE_DOT(1, 4, 7);
            TILE_LOAD(5, v + TILE_BF16, 64);
            TILE_DOT(2, 5, 6);
            TILE_DOT(3, 5, 7);
        }
        TILE_STORE(0, outputs, 64);
        TILE_STORE(1, outputs + TILE_FLOATS, 64);
        TILE_STORE(2, outputs + 2 * TILE_FLOATS, 64);
        TILE_STORE(3, outputs + 3 * TILE_FLOATS, 64);
    }
}

// Raises the shifts of some queries to the largest score of a group.
static __attribute__((noinline)) void raise_shifts(
        const float *s, uint32_t mask, uint32_t over, state *own, int64_t depth_tiles, float *outputs) {
    __m512 max[2], factor[2];
    largest(s, mask, max);
    for (int i = 0; i < 2; i++) {
        __m512 old = _mm512_load_ps(own->shift + 16 * i);
        __m512 raised = _mm512_mask_roundscale_ps(old, (__mmask16)(over >> 16 * i), max[i], 8);
        factor[i] = _mm512_mask_scalef_ps(
            _mm512_set1_ps(1.0f), (__mmask16)(over >> 16 * i), _mm512_set1_ps(1.0f), _mm512_sub_ps(old, raised));
        _mm512_store_ps(own->shift + 16 * i, raised);
        _mm512_store_ps(own->sum + 16 * i, _mm512_mul_ps(_mm512_load_ps(own->sum + 16 * i), factor[i]));
    }
    for (int64_t tile = 0; tile < depth_tiles * 4; tile++) {
        for (int i = 0; i < TILE_FLOATS; i += 16) {
            float *at = outputs + tile * TILE_FLOATS + i;
            _mm512_store_ps(at, _mm512_mul_ps(_mm512_load_ps(at), factor[tile % 2]));
        }
    }
}

INLINE void attend_block(
        const entry *list, int64_t count, const uint16_t *queries, const uint16_t *keys, const uint16_t *values, int64_t depth_tiles,
        state *own, float *outputs) {
    float s[2][SCORES] __attribute__((aligned(64)));
    uint16_t p[BLOCK * 2 * TILE_BF16] __attribute__((aligned(64)));
    int64_t key_group = depth_tiles * 2 * TILE_BF16, done = 0;
    scores(queries, keys + list[0].group * key_group, depth_tiles, s[0]);
    for (int64_t i = 0; i < count; i++) {
        if (i + 1 < count) {
            scores(queries, keys + list[i + 1].group * key_group, depth_tiles, s[(i + 1) % 2]);
        }
        uint32_t mask = list[i].mask;
        uint16_t *to = p + i * 2 * TILE_BF16;
        uint32_t over = mask == 0xffffffff ? exponentiate(s[i % 2], mask, 1, own, 0, to) : exponentiate(s[i % 2], mask, 0, own, 0, to);
        if (over) {
            add_values(list + done, i - done, p + done * 2 * TILE_BF16, values, depth_tiles, outputs);
            done = i;
            raise_shifts(s[i % 2], mask, over, own, depth_tiles, outputs);
            exponentiate(s[i % 2], mask, 0, own, 1, to);
        }
    }
    add_values(list + done, count - done, p + done * 2 * TILE_BF16, values, depth_tiles, outputs);
}

EXPORT void sparsed_attention_keys(
        const uint16_t *keys, const uint16_t *values, const entry *list, int64_t count, int64_t rows, int64_t head_dim, void *scratch) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    TILES_BEGIN();
    for (int64_t from = 0; from < count; from += BLOCK) {
        for (int64_t part = 0; part * PART < rows; part++) {
            attend_block(
                list + from, count - from < BLOCK ? count - from : BLOCK, queries_of(scratch) + part * depth_tiles * 2 * TILE_BF16, keys,
                values, depth_tiles, states_of(scratch, depth_tiles) + part,
                outputs_of(scratch, depth_tiles) + part * depth_tiles * 4 * TILE_FLOATS);
        }
    }
    TILES_END();
}

// O / l, transposed to [rows, head_dim]; shifts and sums of the rows for the log-sum-exp.
EXPORT void sparsed_attention_end(
        void *scratch, int64_t rows, int64_t head_dim, float *out, int64_t offset, int64_t stride, float *shifts, float *sums) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    for (int64_t row = 0; row < rows; row += 16) {
        int64_t part = row / PART, half = row % PART / 16;
        const state *own = states_of(scratch, depth_tiles) + part;
        __m512 sum = _mm512_load_ps(own->sum + 16 * half);
        __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), sum);
        _mm512_mask_storeu_ps(shifts + row, first16(rows - row), _mm512_load_ps(own->shift + 16 * half));
        _mm512_mask_storeu_ps(sums + row, first16(rows - row), sum);
        for (int64_t d = 0; d < head_dim; d += 16) {
            const float *from = outputs_of(scratch, depth_tiles) + ((part * depth_tiles * 2 + d / 16) * 2 + half) * TILE_FLOATS;
            __m512i r[16];
            for (int i = 0; i < 16; i++) {
                r[i] = _mm512_castps_si512(_mm512_mul_ps(_mm512_load_ps(from + 16 * i), factor));
            }
            transpose(r);
            for (int64_t i = 0; i < 16 && row + i < rows; i++) {
                _mm512_mask_storeu_ps(out + offset + (row + i) * stride + d, first16(head_dim - d), _mm512_castsi512_ps(r[i]));
            }
        }
    }
}
