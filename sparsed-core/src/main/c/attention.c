// FlashAttention (arXiv 2205.14135) of up to 128 queries of one head over any list of keys. With a shift m, a sum l and an output O of a
// query, a group of keys with scores s (to base 2) changes them to
//     p = 2^(s - m)    l' = l + sum of p    O' = O + p·V
// and the result is O / l. The shift is the largest score of the first group, rounded; it is raised only where a group's sum exceeds 2^16,
// and then what was summed so far is scaled. What a query gets depends on itself and the list of keys, not on its neighbours.
// The sums of p by block of keys are the selection's (importance.c), where they are wanted.
// While the exponentials of a group are on the vectors, the tiles add p·V of earlier groups, then compute the scores of the next one, be it
// of the same queries or the next: the instructions alternate in the program, since the processor looks only some 500 of them ahead.
#include "scores.h"

enum {
    BLOCK = 4,  // groups whose p are collected before p·V: outputs pass through memory once per 128 keys
    CHUNK = 32, // groups that one part of the queries goes through before the next does: they stay in the second-level cache
};

static const float MOST = 0x1p16f;

// Groups whose p·V is to be added yet, from depth tile `next` on.
typedef struct {
    const entry *list;
    const uint16_t *p;
    float *outputs;
    int64_t count, next;
} pending;

// What the tiles do during one group's exponentials. All keys and values are those of the head.
typedef struct {
    const pending *due; // p·V of its depth tile `depth`, or null
    const uint16_t *values, *queries, *keys; // keys: of the next scores, or null
    const float *negated; // shifts
    int64_t depth;
} tile_work;

// 2 × 2 products of 4 tiles of sums, which lie one after the other where they are stored.
INLINE void quad_load(const float *sums) {
    TILE_LOAD(0, sums, 64);
    TILE_LOAD(1, sums + TILE_FLOATS, 64);
    TILE_LOAD(2, sums + 2 * TILE_FLOATS, 64);
    TILE_LOAD(3, sums + 3 * TILE_FLOATS, 64);
}

// a: keys or values, which pass by from the second-level cache; b: queries or p, which are there to stay.
INLINE void quad_dot(const uint16_t *a, const uint16_t *b) {
    TILE_STREAM(4, a, 64);
    TILE_LOAD(6, b, 64);
    TILE_DOT(0, 4, 6);
    TILE_LOAD(7, b + TILE_BF16, 64);
    TILE_DOT(1, 4, 7);
    TILE_STREAM(5, a + TILE_BF16, 64);
    TILE_DOT(2, 5, 6);
    TILE_DOT(3, 5, 7);
}

INLINE void quad_store(float *sums) {
    TILE_STORE(0, sums, 64);
    TILE_STORE(1, sums + TILE_FLOATS, 64);
    TILE_STORE(2, sums + 2 * TILE_FLOATS, 64);
    TILE_STORE(3, sums + 3 * TILE_FLOATS, 64);
}

// Scores begin with -shift instead of 0: the exponentials need no subtraction.
INLINE void scores_begin(const float *negated) {
    TILE_LOAD(0, negated, 0);
    TILE_LOAD(1, negated + 16, 0);
    TILE_LOAD(2, negated, 0);
    TILE_LOAD(3, negated + 16, 0);
}

INLINE void scores(const uint16_t *queries, const uint16_t *keys, int64_t depth_tiles, const float *negated) {
    scores_begin(negated);
    for (int64_t d = 0; d < depth_tiles; d++) {
        quad_dot(keys + d * 2 * TILE_BF16, queries + d * 2 * TILE_BF16);
    }
}

INLINE void scores_end(float *s) {
    TILE_STORE(0, s, PART * 4);
    TILE_STORE(1, s + 16, PART * 4);
    TILE_STORE(2, s + 16 * PART, PART * 4);
    TILE_STORE(3, s + 16 * PART + 16, PART * 4);
}

// O += p·V of the groups that are due, up to a depth tile.
INLINE void add_values(pending *due, int64_t to, const uint16_t *values, int64_t depth_tiles) {
    for (; due->next < to; due->next++) {
        float *outputs = due->outputs + due->next * 4 * TILE_FLOATS;
        quad_load(outputs);
        for (int64_t i = 0; i < due->count; i++) {
            quad_dot(values + (due->list[i].group * depth_tiles + due->next) * 2 * TILE_BF16, due->p + i * 2 * TILE_BF16);
        }
        quad_store(outputs);
    }
}

// The tiles' work beside step 0 … 15 of the exponentials: p·V in the first half, scores in the second.
INLINE void work_beside(const tile_work *work, int step, int64_t depth_tiles) {
    const pending *due = work->due;
    if (step < 8 && due) {
        if (step == 0) quad_load(due->outputs + work->depth * 4 * TILE_FLOATS);
        if (step % (8 / BLOCK) == 0 && step / (8 / BLOCK) < due->count) {
            int64_t i = step / (8 / BLOCK);
            quad_dot(work->values + (due->list[i].group * depth_tiles + work->depth) * 2 * TILE_BF16, due->p + i * 2 * TILE_BF16);
        }
        if (step == 7) quad_store(due->outputs + work->depth * 4 * TILE_FLOATS);
    }
    if (step >= 8 && work->keys) {
        if (step == 8) scores_begin(work->negated);
        for (int64_t d = (step - 8) * depth_tiles / 8; d < (step - 7) * depth_tiles / 8; d++) {
            quad_dot(work->keys + d * 2 * TILE_BF16, work->queries + d * 2 * TILE_BF16);
        }
    }
}

// Two positive floats of every lane, rounded to bf16, as neighbours.
INLINE __m512i pair(__m512 even, __m512 odd) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    const __m512i upper_half = _mm512_set4_epi32(0x0f0e0f0e, 0x0b0a0b0a, 0x07060706, 0x03020302); // of every 32 bits, to the lower one
    __m512i low = _mm512_add_epi32(_mm512_castps_si512(even), half);
    __m512i high = _mm512_add_epi32(_mm512_castps_si512(odd), half);
    return _mm512_mask_shuffle_epi8(high, 0x3333333333333333, low, upper_half);
}

typedef struct {
    __m512 low, high; // of 32 queries
} lanes;

// p of one group into two tiles [16 pairs of keys][16 queries][2]. Returns their sum.
INLINE lanes exponentiate(const float *s, const uint32_t *mask, const tile_work *work, int64_t depth_tiles, uint16_t *p) {
    __m512 sum0 = _mm512_setzero_ps(), sum1 = sum0, sum2 = sum0, sum3 = sum0;
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
        if (work) work_beside(work, i, depth_tiles);
        const float *even = s + 2 * i * PART, *odd = even + PART;
        __m512 a0 = exp2_ps(_mm512_load_ps(even));
        __m512 a1 = exp2_ps(_mm512_load_ps(even + 16));
        __m512 b0 = exp2_ps(_mm512_load_ps(odd));
        __m512 b1 = exp2_ps(_mm512_load_ps(odd + 16));
        if (mask) {
            __mmask16 counts_even = (*mask >> 2 * i & 1) ? 0xffff : 0, counts_odd = (*mask >> (2 * i + 1) & 1) ? 0xffff : 0;
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
    return (lanes){_mm512_add_ps(sum0, sum2), _mm512_add_ps(sum1, sum3)};
}

// The same where not all keys count.
static __attribute__((noinline)) lanes exponentiate_some(const float *s, uint32_t mask, uint16_t *p) {
    return exponentiate(s, &mask, 0, 0, p);
}

INLINE uint32_t too_large(lanes sum) {
    const __m512 most = _mm512_set1_ps(MOST);
    return _mm512_cmp_ps_mask(sum.low, most, _CMP_NLE_UQ) | (uint32_t)_mm512_cmp_ps_mask(sum.high, most, _CMP_NLE_UQ) << 16;
}

// Largest score of every query over the keys in the mask.
INLINE lanes largest(const float *s, uint32_t mask) {
    lanes max = {_mm512_set1_ps(-__builtin_inff()), _mm512_set1_ps(-__builtin_inff())};
    for (; mask; mask &= mask - 1) {
        const float *key = s + __builtin_ctz(mask) * PART;
        max.low = _mm512_max_ps(max.low, _mm512_load_ps(key));
        max.high = _mm512_max_ps(max.high, _mm512_load_ps(key + 16));
    }
    return max;
}

// Raises the shifts of some queries by the largest score of a group, less the shift so far, and scales what came before.
static __attribute__((noinline)) void raise_shifts(
        float *s, uint32_t mask, uint32_t over, state *own, int64_t depth_tiles, float *outputs) {
    lanes max = largest(s, mask);
    __m512 factors[2];
    for (int i = 0; i < 2; i++) {
        __m512 by = _mm512_maskz_roundscale_ps((__mmask16)(over >> 16 * i), i ? max.high : max.low, 8);
        factors[i] = _mm512_scalef_ps(_mm512_set1_ps(1.0f), _mm512_sub_ps(_mm512_setzero_ps(), by));
        _mm512_store_ps(own->shift + 16 * i, _mm512_add_ps(_mm512_load_ps(own->shift + 16 * i), by));
        _mm512_store_ps(own->sum + 16 * i, _mm512_mul_ps(_mm512_load_ps(own->sum + 16 * i), factors[i]));
        for (int key = 0; key < 32; key++) {
            float *at = s + key * PART + 16 * i;
            _mm512_store_ps(at, _mm512_sub_ps(_mm512_load_ps(at), by));
        }
    }
    for (int64_t tile = 0; tile < depth_tiles * 4; tile++) {
        for (int i = 0; i < TILE_FLOATS; i += 16) {
            float *at = outputs + tile * TILE_FLOATS + i;
            _mm512_store_ps(at, _mm512_mul_ps(_mm512_load_ps(at), factors[tile % 2]));
        }
    }
}

INLINE void negate(const float *shift, float *negated) {
    _mm512_store_ps(negated, _mm512_sub_ps(_mm512_setzero_ps(), _mm512_load_ps(shift)));
    _mm512_store_ps(negated + 16, _mm512_sub_ps(_mm512_setzero_ps(), _mm512_load_ps(shift + 16)));
}

// Adds a group's sums of 16 queries to their block's, or, if it is the first group of the block, begins them.
INLINE void add_to_block(block_sums *block, int64_t lane, int fresh, const float *shift, __m512 sum) {
    __m512 now = _mm512_load_ps(shift);
    if (!fresh) {
        __m512 raised = _mm512_sub_ps(_mm512_load_ps(block->shift + lane), now);
        sum = _mm512_add_ps(_mm512_scalef_ps(_mm512_load_ps(block->sum + lane), raised), sum);
    }
    _mm512_store_ps(block->shift + lane, now);
    _mm512_store_ps(block->sum + lane, sum);
}

// The shift of a part: the largest score of its first group, rounded. Takes it off the scores, which began with 0.
INLINE void begin_shifts(float *s, uint32_t mask, float *shift, float *negated) {
    lanes max = largest(s, mask);
    max.low = _mm512_roundscale_ps(max.low, 8);
    max.high = _mm512_roundscale_ps(max.high, 8);
    for (float *key = s; key < s + SCORES; key += PART) {
        _mm512_store_ps(key, _mm512_sub_ps(_mm512_load_ps(key), max.low));
        _mm512_store_ps(key + 16, _mm512_sub_ps(_mm512_load_ps(key + 16), max.high));
    }
    _mm512_store_ps(shift, max.low);
    _mm512_store_ps(shift + 16, max.high);
    negate(shift, negated);
}

INLINE void fetch_rows(rows_ahead *ahead) {
    if (ahead->rows == 0) return;
    for (int64_t i = 0; i < ahead->bytes; i += 64) {
        __asm__ volatile("prefetchw %0" ::"m"(ahead->out[i]));
        _mm_prefetch((const char *)ahead->queries + i, _MM_HINT_T1);
    }
    ahead->out += ahead->out_stride;
    ahead->queries += ahead->query_stride;
    ahead->rows--;
}

INLINE void attend(
        const uint16_t *keys, const uint16_t *values, const entry *list, int64_t count, int64_t rows, int64_t depth_tiles, void *scratch,
        block_sums *blocks) {
    float s[SCORES] __attribute__((aligned(64))), negated[MOST_PARTS][PART] __attribute__((aligned(64))) = {0};
    uint16_t p[2][BLOCK * 2 * TILE_BF16] __attribute__((aligned(64)));
    const int64_t group_size = depth_tiles * 2 * TILE_BF16, parts = (rows + PART - 1) / PART;
    const int64_t chunks = (count + CHUNK - 1) / CHUNK, chunk = ((count + chunks - 1) / chunks + BLOCK - 1) / BLOCK * BLOCK;
    pending due = {list, p[0], 0, 0, depth_tiles};
    int buffer = 0;
    rows_ahead ahead = *ahead_of(scratch, depth_tiles);
    TILES_BEGIN();
    scores(queries_of(scratch), keys + list[0].group * group_size, depth_tiles, negated[0]);
    for (int64_t from = 0; from < count; from += chunk) {
        int64_t to = count - from < chunk ? count : from + chunk;
        for (int64_t part = 0; part < parts; part++) {
            float *outputs = outputs_of(scratch, depth_tiles) + part * depth_tiles * 4 * TILE_FLOATS;
            state *own = states_of(scratch, depth_tiles) + part;
            for (int64_t block = from; block < to; block += BLOCK) {
                int64_t steps = to - block < BLOCK ? to - block : BLOCK, first = 0;
                for (int64_t i = 0; i < steps; i++) {
                    const entry *at = list + block + i;
                    int64_t upcoming = block + i + 1, whose = part; // the scores to compute next
                    if (upcoming == to) {
                        whose = part + 1 < parts ? part + 1 : 0;
                        upcoming = whose ? from : to;
                    }
                    const uint16_t *queries = queries_of(scratch) + whose * group_size;
                    const uint16_t *next = upcoming < count ? keys + list[upcoming].group * group_size : 0;
                    uint16_t *p_at = p[buffer] + i * 2 * TILE_BF16;
                    int64_t target = (depth_tiles * (i + 1) + steps - 1) / steps; // p·V is done by the end of the block
                    scores_end(s);
                    if (block + i == 0) begin_shifts(s, at->mask, own->shift, negated[part]);
                    fetch_rows(&ahead);
                    add_values(&due, target - 1, values, depth_tiles);
                    tile_work work = {due.next < target ? &due : 0, values, queries, next, negated[whose], due.next};
                    lanes sum;
                    if (at->mask == 0xffffffff) {
                        sum = exponentiate(s, 0, &work, depth_tiles, p_at);
                    } else {
                        for (int step = 0; step < 16; step++) {
                            work_beside(&work, step, depth_tiles);
                        }
                        sum = exponentiate_some(s, at->mask, p_at);
                    }
                    due.next += due.next < target;
                    uint32_t over = too_large(sum);
                    if (__builtin_expect(over != 0, 0)) {
                        add_values(&due, depth_tiles, values, depth_tiles);
                        due = (pending){list + block + first, p[buffer] + first * 2 * TILE_BF16, outputs, i - first, 0};
                        add_values(&due, depth_tiles, values, depth_tiles);
                        first = i;
                        raise_shifts(s, at->mask, over, own, depth_tiles, outputs);
                        sum = exponentiate_some(s, at->mask, p_at);
                        negate(own->shift, negated[part]);
                        if (next) scores(queries, next, depth_tiles, negated[whose]);
                    }
                    _mm512_store_ps(own->sum, _mm512_add_ps(_mm512_load_ps(own->sum), sum.low));
                    _mm512_store_ps(own->sum + 16, _mm512_add_ps(_mm512_load_ps(own->sum + 16), sum.high));
                    if (blocks) {
                        int fresh = block + i == 0 || at[-1].block != at->block;
                        add_to_block(blocks + at->block, part * PART, fresh, own->shift, sum.low);
                        add_to_block(blocks + at->block, part * PART + 16, fresh, own->shift + 16, sum.high);
                    }
                }
                due = (pending){list + block + first, p[buffer] + first * 2 * TILE_BF16, outputs, steps - first, 0};
                buffer ^= 1;
            }
        }
    }
    add_values(&due, depth_tiles, values, depth_tiles);
    TILES_END();
}

EXPORT void sparsed_attention_keys(
        const uint16_t *keys, const uint16_t *values, const entry *list, int64_t count, int64_t rows, int64_t head_dim, void *scratch,
        block_sums *blocks) {
    int64_t depth_tiles = depth_tiles_of(head_dim);
#ifndef AMX_EMULATED // the same code, for the compiler to unroll
    if (depth_tiles == 2) {
        attend(keys, values, list, count, rows, 2, scratch, blocks);
        return;
    }
    if (depth_tiles == 4) {
        attend(keys, values, list, count, rows, 4, scratch, blocks);
        return;
    }
#endif
    attend(keys, values, list, count, rows, depth_tiles, scratch, blocks);
}
