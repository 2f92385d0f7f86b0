// Weights [rows, columns] as bf16 tiles for the right-hand side: [row tile][depth tile][16 pairs of columns][16 rows][2], zero beyond
// the last row and column. type: 0 f32, 1 f16, 2 bf16; rows begin at any address.
#include "vectors.h"

enum { F32, F16, BF16 };

INLINE __m512i load(const uint8_t *row, int64_t column, int64_t count, int type) {
    if (type == BF16) {
        return _mm512_maskz_loadu_epi16(first32(count), row + 2 * column);
    }
    __m512 low, high = _mm512_setzero_ps();
    if (type == F16) {
        low = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first16(count), row + 2 * column));
        if (count > 16) {
            high = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first16(count - 16), row + 2 * column + 32));
        }
    } else {
        low = _mm512_maskz_loadu_ps(first16(count), row + 4 * column);
        if (count > 16) {
            high = _mm512_maskz_loadu_ps(first16(count - 16), row + 4 * column + 64);
        }
    }
    return to_bf16(low, high);
}

INLINE void pack(const uint8_t *w, int64_t rows, int64_t columns, int64_t from, int64_t to, uint16_t *out, int type) {
    int64_t row_bytes = columns * (type == F32 ? 4 : 2);
    int64_t depth_tiles = (columns + TILE_DEPTH - 1) / TILE_DEPTH;
    for (int64_t tile = from; tile < to; tile++) {
        for (int64_t k = 0; k < depth_tiles; k++) {
            __m512i r[16];
            for (int i = 0; i < 16; i++) {
                int64_t row = tile * TILE_ROWS + i;
                r[i] = row < rows ? load(w + row * row_bytes, k * TILE_DEPTH, columns - k * TILE_DEPTH, type)
                                  : _mm512_setzero_si512();
            }
            transpose(r);
            uint16_t *at = out + (tile * depth_tiles + k) * TILE_BF16;
            for (int i = 0; i < 16; i++) {
                _mm512_store_si512(at + i * TILE_DEPTH, r[i]);
            }
        }
    }
}

EXPORT void sparsed_pack_weights(
        const uint8_t *w, int64_t type, int64_t rows, int64_t columns, int64_t from, int64_t to, uint16_t *out) {
    if (type == BF16) {
        pack(w, rows, columns, from, to, out, BF16);
    } else if (type == F16) {
        pack(w, rows, columns, from, to, out, F16);
    } else {
        pack(w, rows, columns, from, to, out, F32);
    }
}
