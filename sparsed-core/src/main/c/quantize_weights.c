// Weights [rows, columns] as tiles of 8-bit integers for the right-hand side: [row tile][depth tile][16 fours of columns][16 rows][4], zero
// beyond the last row and column, and the scales of the rows. type: 0 f32, 1 f16, 2 bf16; rows begin at any address.
#include "int8.h"

enum { F32, F16, BF16 };

INLINE __m512 load(const uint8_t *row, int64_t column, __mmask16 mask, int type) {
    if (type == F32) {
        return _mm512_maskz_loadu_ps(mask, row + 4 * column);
    }
    __m256i halves = _mm256_maskz_loadu_epi16(mask, row + 2 * column);
    return type == F16 ? _mm512_cvtph_ps(halves) : _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

INLINE void quantize(
        const uint8_t *w, int64_t rows, int64_t columns, int64_t from, int64_t to, int8_t *out, float *scales, int type) {
    int64_t row_bytes = columns * (type == F32 ? 4 : 2), depth_tiles = (columns + TILE_INT8_DEPTH - 1) / TILE_INT8_DEPTH;
    for (int64_t tile = from; tile < to; tile++) {
        __m512 inverses[TILE_ROWS];
        for (int64_t i = 0; i < TILE_ROWS; i++) {
            int64_t row = tile * TILE_ROWS + i;
            float scale = 0;
            if (row < rows) {
                __m512 most = _mm512_setzero_ps();
                __mmask16 nan = 0;
                for (int64_t k = 0; k < columns; k += 16) {
                    __m512 at = load(w + row * row_bytes, k, first16(columns - k), type);
                    most = _mm512_max_ps(most, _mm512_abs_ps(at));
                    nan |= _mm512_cmp_ps_mask(at, at, _CMP_UNORD_Q);
                }
                scale = scale_of(most, nan);
            }
            scales[row] = scale;
            inverses[i] = inverse_of(scale);
        }
        for (int64_t d = 0; d < depth_tiles; d++) {
            int32_t quads[TILE_ROWS][16] __attribute__((aligned(64)));
            for (int64_t i = 0; i < TILE_ROWS; i++) {
                int64_t row = tile * TILE_ROWS + i;
                for (int64_t k = 0; k < TILE_INT8_DEPTH; k += 16) {
                    int64_t column = d * TILE_INT8_DEPTH + k;
                    __mmask16 mask = row < rows ? first16(columns - column) : 0;
                    __m512 at = mask ? load(w + row * row_bytes, column, mask, type) : _mm512_setzero_ps();
                    _mm_store_si128((__m128i *)(quads[i] + k / 4), to_int8(at, inverses[i]));
                }
            }
            __m512i r[16];
            for (int i = 0; i < 16; i++) {
                r[i] = _mm512_load_si512(quads[i]);
            }
            transpose(r);
            int8_t *at = out + (tile * depth_tiles + d) * TILE_BYTES;
            for (int i = 0; i < 16; i++) {
                _mm512_store_si512(at + i * 64, r[i]);
            }
        }
    }
}

EXPORT void sparsed_quantize_weights(
        const uint8_t *w, int64_t type, int64_t rows, int64_t columns, int64_t from, int64_t to, int8_t *out, float *scales) {
    if (type == BF16) {
        quantize(w, rows, columns, from, to, out, scales, BF16);
    } else if (type == F16) {
        quantize(w, rows, columns, from, to, out, scales, F16);
    } else {
        quantize(w, rows, columns, from, to, out, scales, F32);
    }
}
