// FlashAttention (arXiv 2205.14135) of tiles of up to 128 queries of a head, each over any list of keys. With a shift m, a sum l and an
// output O of a query, a group of keys with scores s (to base 2) changes them to
//     p = 2^(s - m)    l' = l + sum of p    O' = O + p·V
// and the result is O / l. The shift is the largest score of the first group, rounded; it is raised only where a group's sum exceeds 2^16,
// and then what was summed so far is scaled. What a query gets depends on itself and the list of keys, not on its neighbours.
// The sums of p by block of keys are the selection's (importance.c), where they are wanted.
// While the exponentials of a group are on the vectors, the tiles add p·V of earlier groups, then compute the scores of the next one, be it
// of the same queries, the next 32 or the next tile: the instructions alternate in the program, since the processor looks only some 500 of
// them ahead. So do what other tiles have left to do: outputs of the last one are written, queries of the next one packed.
#include "query_tile.h"

enum {
    BLOCK = 4,  // groups whose p are collected before p·V: outputs pass through memory once per 128 keys
    CHUNK = 32, // groups that one part of the queries goes through before the next does: they stay in the second-level cache
};

static const float MOST = 0x1p16f;

// Groups whose p·V is to be added yet, from depth tile `next` on.
typedef struct {
    const uint16_t *values;
    const entry *list;
    const uint16_t *p;
    float *outputs;
    int64_t count, next;
    int first; // nothing has been added to the outputs yet
} pending;

// What the tiles do during one group's exponentials.
typedef struct {
    const pending *due; // p·V of its depth tile `depth`, or null
    int64_t depth;
    const uint16_t *queries, *keys; // of the next scores, or null
    const float *negated; // shifts
} tile_work;

// 2 × 2 products of 4 tiles of sums, which lie one after the other where they are stored.
INLINE void quad_load(const float *sums) {
    TILE_LOAD(0, sums, 64);
    TILE_LOAD(1, sums + TILE_FLOATS, 64);
    TILE_LOAD(2, sums + 2 * TILE_FLOATS, 64);
    TILE_LOAD(3, sums + 3 * TILE_FLOATS, 64);
}

INLINE void quad_begin(const pending *due, const float *sums) {
    if (due->first) {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    } else {
        quad_load(sums);
    }
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
INLINE void add_values(pending *due, int64_t to, int64_t depth_tiles) {
    for (; due->next < to; due->next++) {
        float *outputs = due->outputs + due->next * 4 * TILE_FLOATS;
        quad_begin(due, outputs);
        for (int64_t i = 0; i < due->count; i++) {
            quad_dot(due->values + (due->list[i].group * depth_tiles + due->next) * 2 * TILE_BF16, due->p + i * 2 * TILE_BF16);
        }
        quad_store(outputs);
    }
}

// The tiles' work beside step 0 … 15 of the exponentials: p·V in the first half, scores in the second.
INLINE void work_beside(const tile_work *work, int step, int64_t depth_tiles) {
    const pending *due = work->due;
    if (step < 8 && due) {
        if (step == 0) quad_begin(due, due->outputs + work->depth * 4 * TILE_FLOATS);
        if (step % (8 / BLOCK) == 0 && step / (8 / BLOCK) < due->count) {
            int64_t i = step / (8 / BLOCK);
            quad_dot(due->values + (due->list[i].group * depth_tiles + work->depth) * 2 * TILE_BF16, due->p + i * 2 * TILE_BF16);
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

// What is left to do for other tiles beside the one whose turn it is: pieces of the last one's outputs and of the next one's queries.
typedef struct {
    const tile *last, *next;
    uint8_t *last_side, *next_side;
    int64_t written, to_write, packed, to_pack;
    int complete; // whether nothing is to be added to the last one's outputs
    // Rows to fetch into the cache, one after the other: those that the present outputs go to, and the next queries.
    const float *out, *query;
    int64_t fetched, to_fetch;
} errands;

INLINE errands errands_beside(
        const rows *of, const tile *now, const tile *last, const tile *next, int64_t later, int64_t depth_tiles, uint8_t *scratch) {
    return (errands){
        .last = last,
        .next = next,
        .last_side = last ? side_of(scratch, depth_tiles, last->side) : 0,
        .next_side = next ? side_of(scratch, depth_tiles, next->side) : 0,
        .to_write = last && last->ends ? pieces_out(last, of->head_dim) : 0,
        .to_pack = next && next->begins ? pieces_in(next, depth_tiles) : 0,
        .out = of->out + now->out,
        .query = of->q + (next ? next->query : later),
        .to_fetch = now->ends ? now->rows : 0,
    };
}

// Fetches a row, and takes care of a piece if it may. Last outputs come before next queries, which may have the same side.
static __attribute__((noinline)) void run_errand(const rows *of, errands *e, int64_t depth_tiles) {
    if (e->fetched < e->to_fetch) {
        const uint8_t *out = (const uint8_t *)(e->out + e->fetched * of->out_stride);
        const uint8_t *query = (const uint8_t *)(e->query + e->fetched * of->q_stride);
        for (int64_t i = 0; i < 4 * of->head_dim + 63; i += 64) {
            __asm__ volatile("prefetchw %0" ::"m"(out[i]));
            _mm_prefetch((const char *)query + i, _MM_HINT_T1);
        }
        e->fetched++;
    }
    if (e->written < e->to_write) {
        if (e->complete) write_outputs(of, e->last, e->written++, depth_tiles, e->last_side);
    } else if (e->packed < e->to_pack && (e->fetched == e->to_fetch || e->packed / depth_tiles * 16 + 16 < e->fetched)) {
        pack_queries(of, e->next, e->packed++, depth_tiles, e->next_side);
    }
}

// Takes care of all pieces that are left.
static __attribute__((noinline)) void finish_errands(const rows *of, errands *e, int64_t depth_tiles) {
    while (e->written < e->to_write) {
        write_outputs(of, e->last, e->written++, depth_tiles, e->last_side);
    }
    while (e->packed < e->to_pack) {
        pack_queries(of, e->next, e->packed++, depth_tiles, e->next_side);
    }
}

// What the scores of a tile begin with.
INLINE void begin_negated(const tile *t, uint8_t *side, int64_t depth_tiles, float (*negated)[PART]) {
    for (int64_t part = 0; part < parts_of(t); part++) {
        if (t->begins) {
            _mm512_store_ps(negated[part], _mm512_setzero_ps());
            _mm512_store_ps(negated[part] + 16, _mm512_setzero_ps());
        } else {
            negate(states_of(side, depth_tiles)[part].shift, negated[part]);
        }
    }
}

INLINE void attend(
        const rows *of, const uint16_t *all_keys, const uint16_t *all_values, const entry *lists, const tile *tiles, int64_t tile_count,
        int64_t later, int64_t depth_tiles, uint8_t *scratch, block_sums *all_blocks) {
    float s[SCORES] __attribute__((aligned(64))), all_negated[2][MOST_PARTS][PART] __attribute__((aligned(64)));
    uint16_t p[2][BLOCK * 2 * TILE_BF16] __attribute__((aligned(64)));
    const int64_t group_size = depth_tiles * 2 * TILE_BF16;
    uint8_t *side = side_of(scratch, depth_tiles, tiles->side);
    pending due = {all_values, lists, p[0], 0, 0, depth_tiles, 0};
    int buffer = 0;
    errands before = {.next = tiles, .next_side = side, .to_pack = tiles->begins ? pieces_in(tiles, depth_tiles) : 0};
    finish_errands(of, &before, depth_tiles);
    begin_negated(tiles, side, depth_tiles, all_negated[0]);
    TILES_BEGIN();
    scores(queries_of(side), all_keys + tiles->head + lists[tiles->list].group * group_size, depth_tiles, all_negated[0][0]);
    for (int64_t index = 0; index < tile_count; index++) {
        const tile *now = tiles + index, *upcoming = index + 1 < tile_count ? now + 1 : 0;
        float(*negated)[PART] = all_negated[index % 2], (*next_negated)[PART] = all_negated[(index + 1) % 2];
        const entry *list = lists + now->list;
        const uint16_t *keys = all_keys + now->head, *values = all_values + now->head;
        const int64_t count = now->count, parts = parts_of(now);
        const int64_t chunks = (count + CHUNK - 1) / CHUNK, chunk = ((count + chunks - 1) / chunks + BLOCK - 1) / BLOCK * BLOCK;
        errands beside = errands_beside(of, now, index > 0 ? now - 1 : 0, upcoming, later, depth_tiles, scratch);
        if (upcoming) begin_negated(upcoming, beside.next_side, depth_tiles, next_negated);
        side = side_of(scratch, depth_tiles, now->side);
        for (int64_t part = 0; now->begins && part < parts; part++) {
            _mm512_store_ps(states_of(side, depth_tiles)[part].sum, _mm512_setzero_ps());
            _mm512_store_ps(states_of(side, depth_tiles)[part].sum + 16, _mm512_setzero_ps());
        }
        for (int64_t from = 0; from < count; from += chunk) {
            int64_t to = count - from < chunk ? count : from + chunk;
            for (int64_t part = 0; part < parts; part++) {
                float *outputs = outputs_of(side, depth_tiles) + part * depth_tiles * 4 * TILE_FLOATS;
                state *own = states_of(side, depth_tiles) + part;
                for (int64_t block = from; block < to; block += BLOCK) {
                    int64_t steps = to - block < BLOCK ? to - block : BLOCK, first = 0;
                    int fresh = now->begins && block == 0;
                    for (int64_t i = 0; i < steps; i++) {
                        const entry *at = list + block + i;
                        uint16_t *p_at = p[buffer] + i * 2 * TILE_BF16;
                        int64_t target = (depth_tiles * (i + 1) + steps - 1) / steps; // p·V is done by the end of the block
                        tile_work work = {0, 0, queries_of(side) + part * group_size, 0, negated[part]};
                        scores_end(s);
                        if (fresh && i == 0) begin_shifts(s, at->mask, own->shift, negated[part]);
                        run_errand(of, &beside, depth_tiles);
                        if (block + i + 1 < to) {
                            work.keys = keys + at[1].group * group_size;
                        } else if (part + 1 < parts) {
                            work.keys = keys + list[from].group * group_size;
                            work.queries += group_size;
                            work.negated = negated[part + 1];
                        } else if (to < count) {
                            work.keys = keys + at[1].group * group_size;
                            work.queries = queries_of(side);
                            work.negated = negated[0];
                        } else if (upcoming) {
                            if (beside.written < beside.to_write) add_values(&due, depth_tiles, depth_tiles);
                            finish_errands(of, &beside, depth_tiles);
                            work.keys = all_keys + upcoming->head + lists[upcoming->list].group * group_size;
                            work.queries = queries_of(beside.next_side);
                            work.negated = next_negated[0];
                        }
                        add_values(&due, target - 1, depth_tiles);
                        if (due.next < target) work.due = &due;
                        work.depth = due.next;
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
                            add_values(&due, depth_tiles, depth_tiles);
                            due = (pending){values, list + block + first, p[buffer] + first * 2 * TILE_BF16, outputs, i - first, 0, fresh};
                            add_values(&due, depth_tiles, depth_tiles);
                            fresh = 0;
                            first = i;
                            raise_shifts(s, at->mask, over, own, depth_tiles, outputs);
                            sum = exponentiate_some(s, at->mask, p_at);
                            negate(own->shift, negated[part]);
                            if (work.keys) scores(work.queries, work.keys, depth_tiles, work.negated);
                        }
                        _mm512_store_ps(own->sum, _mm512_add_ps(_mm512_load_ps(own->sum), sum.low));
                        _mm512_store_ps(own->sum + 16, _mm512_add_ps(_mm512_load_ps(own->sum + 16), sum.high));
                        if (all_blocks) {
                            block_sums *of_block = all_blocks + now->blocks + at->block;
                            int begun = (now->begins && block + i == 0) || at[-1].block != at->block;
                            add_to_block(of_block, part * PART, begun, own->shift, sum.low);
                            add_to_block(of_block, part * PART + 16, begun, own->shift + 16, sum.high);
                        }
                    }
                    due = (pending){values, list + block + first, p[buffer] + first * 2 * TILE_BF16, outputs, steps - first, 0, fresh};
                    buffer ^= 1;
                    beside.complete = 1;
                }
            }
        }
        finish_errands(of, &beside, depth_tiles); // where there were too few groups for all
    }
    add_values(&due, depth_tiles, depth_tiles);
    TILES_END();
    const tile *last = tiles + tile_count - 1;
    errands after = {.last = last, .last_side = side, .to_write = last->ends ? pieces_out(last, of->head_dim) : 0};
    finish_errands(of, &after, depth_tiles);
}

// later: where the queries of a tile that is likely to come next begin, to be fetched into the cache.
EXPORT void sparsed_attention(
        const float *q, int64_t q_stride, float scale, const uint16_t *keys, const uint16_t *values, const entry *lists, const tile *tiles,
        int64_t count, int64_t later, int64_t head_dim, float *out, int64_t out_stride, float *shifts, float *sums, uint8_t *scratch,
        block_sums *blocks) {
    int64_t depth_tiles = depth_tiles_of(head_dim);
    rows of = {q, out, q_stride, out_stride, head_dim, scale, shifts, sums};
    if (depth_tiles == 2) { // the same code, for the compiler to unroll
        attend(&of, keys, values, lists, tiles, count, later, 2, scratch, blocks);
    } else if (depth_tiles == 4) {
        attend(&of, keys, values, lists, tiles, count, later, 4, scratch, blocks);
    } else {
        attend(&of, keys, values, lists, tiles, count, later, depth_tiles, scratch, blocks);
    }
}
