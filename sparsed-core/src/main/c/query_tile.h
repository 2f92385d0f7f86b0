// What comes before and after the keys: the queries of a tile into scratch memory, its outputs out of it. In pieces, which the kernel does
// beside another tile's keys: a piece is 16 rows by a tile's depth of queries, or by 16 features of the outputs.
#pragma once
#include "scores.h"

typedef struct {
    const float *q;
    float *out;
    int64_t q_stride, out_stride, head_dim;
    float scale;
    float *shifts, *sums; // [index][LANES]: for the log-sum-exp
} rows;

INLINE int64_t parts_of(const tile *t) { return (t->rows + PART - 1) / PART; }
INLINE int64_t pieces_in(const tile *t, int64_t depth_tiles) { return parts_of(t) * 2 * depth_tiles; }
INLINE int64_t pieces_out(const tile *t, int64_t head_dim) { return (t->rows + 15) / 16 * ((head_dim + 15) / 16); }

// Packs a piece of the queries, scaled.
INLINE void pack_queries(const rows *of, const tile *t, int64_t piece, int64_t depth_tiles, uint8_t *side) {
    int64_t row = piece / depth_tiles * 16, depth = piece % depth_tiles, d = depth * TILE_DEPTH;
    uint16_t *to = queries_of(side) + ((row / PART * depth_tiles + depth) * 2 + row % PART / 16) * TILE_BF16;
    const float *from = of->q + t->query + row * of->q_stride + d;
    const __m512 factor = _mm512_set1_ps(of->scale);
    __m512i r[16];
    for (int64_t i = 0; i < 16; i++) {
        r[i] = row + i < t->rows ? load_bf16(from + i * of->q_stride, of->head_dim - d, factor) : _mm512_setzero_si512();
    }
    transpose(r);
    for (int i = 0; i < 16; i++) {
        _mm512_store_si512(to + i * 32, r[i]);
    }
}

// O / l of a piece, transposed to [rows, head_dim]; shifts and sums of its rows.
INLINE void write_outputs(const rows *of, const tile *t, int64_t piece, int64_t depth_tiles, uint8_t *side) {
    int64_t wide = (of->head_dim + 15) / 16, row = piece / wide * 16, d = piece % wide * 16;
    int64_t part = row / PART, half = row % PART / 16;
    const state *own = states_of(side, depth_tiles) + part;
    const float *from = outputs_of(side, depth_tiles) + ((part * depth_tiles * 2 + d / 16) * 2 + half) * TILE_FLOATS;
    float *to = of->out + t->out + row * of->out_stride + d;
    __m512 sum = _mm512_load_ps(own->sum + 16 * half);
    __m512 factor = _mm512_div_ps(_mm512_set1_ps(1.0f), sum);
    if (d == 0) {
        _mm512_store_ps(of->shifts + t->index * LANES + row, _mm512_load_ps(own->shift + 16 * half));
        _mm512_store_ps(of->sums + t->index * LANES + row, sum);
    }
    __m512i r[16];
    for (int i = 0; i < 16; i++) {
        r[i] = _mm512_castps_si512(_mm512_mul_ps(_mm512_load_ps(from + 16 * i), factor));
    }
    transpose(r);
    for (int64_t i = 0; i < 16 && row + i < t->rows; i++) {
        _mm512_mask_storeu_ps(to + i * of->out_stride, first16(of->head_dim - d), _mm512_castsi512_ps(r[i]));
    }
}
