// What comes before and after the keys: a tile of up to 128 queries of one head into scratch memory, and its outputs out of it.
#include "scores.h"

// Packs the queries, scaled, and clears outputs and states. Notes where the outputs will go and where the queries of a later tile begin.
EXPORT void sparsed_attention_begin(
        const float *q, int64_t offset, int64_t stride, int64_t rows, int64_t head_dim, float scale, const float *out, int64_t out_offset,
        int64_t out_stride, int64_t later, void *scratch) {
    int64_t depth_tiles = depth_tiles_of(head_dim), parts = (rows + PART - 1) / PART;
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
    *ahead_of(scratch, depth_tiles) = (rows_ahead){
        (const uint8_t *)(out + out_offset), (const uint8_t *)(q + later), 4 * out_stride, 4 * stride, 4 * head_dim + 63, rows,
    };
    float *outputs = outputs_of(scratch, depth_tiles);
    for (int64_t i = 0; i < parts * depth_tiles * 4 * TILE_FLOATS; i += 16) {
        _mm512_store_ps(outputs + i, _mm512_setzero_ps());
    }
    state *states = states_of(scratch, depth_tiles);
    for (int64_t part = 0; part < parts; part++) {
        for (int i = 0; i < PART; i += 16) {
            _mm512_store_ps(states[part].shift + i, _mm512_setzero_ps());
            _mm512_store_ps(states[part].sum + i, _mm512_setzero_ps());
        }
    }
}

// O / l, transposed to [rows, head_dim]; shifts and sums of the rows for the log-sum-exp.
EXPORT void sparsed_attention_end(
        void *scratch, int64_t rows, int64_t head_dim, float *out, int64_t offset, int64_t stride, float *shifts, float *sums) {
    int64_t depth_tiles = depth_tiles_of(head_dim);
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
