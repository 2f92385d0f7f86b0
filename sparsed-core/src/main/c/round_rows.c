// Rows of activations as bf16 tiles: [row tile][depth tile][16 rows][32], zero beyond the last row and column.
#include "vectors.h"

EXPORT void sparsed_round_rows(
        const float *x, int64_t offset, int64_t stride, int64_t rows, int64_t columns, uint16_t *out, int64_t out_tile) {
    uint16_t *to = out + out_tile * TILE_BF16;
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int64_t row = 0; row < rows; row += TILE_ROWS) {
        for (int64_t k = 0; k < columns; k += TILE_DEPTH) {
            for (int64_t i = row; i < row + TILE_ROWS; i++, to += TILE_DEPTH) {
                __m512i values = i < rows ? load_bf16(x + offset + i * stride + k, columns - k, one) : _mm512_setzero_si512();
                _mm512_store_si512(to, values);
            }
        }
    }
}
