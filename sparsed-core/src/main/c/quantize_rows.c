// Rows of activations as tiles of 8-bit integers: [row tile][depth tile][16 rows][64], zero beyond the last row and column, and their scales.
#include "int8.h"

EXPORT void sparsed_quantize_rows(
        const float *x, int64_t offset, int64_t stride, int64_t rows, int64_t columns, int8_t *out, int64_t out_tile, float *scales,
        int64_t scale_offset) {
    int64_t depth_tiles = (columns + TILE_INT8_DEPTH - 1) / TILE_INT8_DEPTH;
    for (int64_t i = 0; i < (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS; i++) {
        int8_t *to = out + (out_tile + i / TILE_ROWS * depth_tiles) * TILE_BYTES + i % TILE_ROWS * TILE_INT8_DEPTH;
        const float *row = x + offset + i * stride;
        float scale = 0;
        if (i < rows) {
            __m512 most = _mm512_setzero_ps();
            __mmask16 nan = 0;
            for (int64_t k = 0; k < columns; k += 16) {
                __m512 at = _mm512_maskz_loadu_ps(first16(columns - k), row + k);
                most = _mm512_max_ps(most, _mm512_abs_ps(at));
                nan |= _mm512_cmp_ps_mask(at, at, _CMP_UNORD_Q);
            }
            scale = scale_of(most, nan);
        }
        scales[scale_offset + i] = scale;
        __m512 inverse = inverse_of(scale);
        for (int64_t k = 0; k < depth_tiles * TILE_INT8_DEPTH; k += 16) {
            __mmask16 mask = i < rows ? first16(columns - k) : 0;
            __m512 at = mask ? _mm512_maskz_loadu_ps(mask, row + k) : _mm512_setzero_ps();
            _mm_store_si128((__m128i *)(to + k / TILE_INT8_DEPTH * TILE_BYTES + k % TILE_INT8_DEPTH), to_int8(at, inverse));
        }
    }
}
