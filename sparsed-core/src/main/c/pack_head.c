// Keys and values of one head as bf16 tiles, by groups of 32 keys; zero beyond the last key and feature.
//   keys:   [group][depth tile][2 halves of the group][16 keys][32 features]
//   values: [group][depth tile][2 halves of the tile][16 features][32 keys]: transposed
#include "vectors.h"

EXPORT void sparsed_pack_keys(
        const float *k, int64_t offset, int64_t stride, int64_t rows, int64_t head_dim, int64_t from, int64_t to, uint16_t *out) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    uint16_t *at = out + from * depth_tiles * 2 * TILE_BF16;
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int64_t group = from; group < to; group++) {
        for (int64_t d = 0; d < head_dim; d += TILE_DEPTH) {
            for (int64_t key = group * 32; key < group * 32 + 32; key++, at += TILE_DEPTH) {
                _mm512_store_si512(
                    at, key < rows ? load_bf16(k + offset + key * stride + d, head_dim - d, one) : _mm512_setzero_si512());
            }
        }
    }
}

INLINE void load_transposed(const float *v, int64_t stride, int64_t rows, int64_t columns, __m512i r[16]) {
    __mmask16 mask = first16(columns);
    for (int64_t i = 0; i < 16; i++) {
        r[i] = i < rows && mask ? _mm512_castps_si512(_mm512_maskz_loadu_ps(mask, v + i * stride)) : _mm512_setzero_si512();
    }
    transpose(r);
}

EXPORT void sparsed_pack_values(
        const float *v, int64_t offset, int64_t stride, int64_t rows, int64_t head_dim, int64_t from, int64_t to, uint16_t *out) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    uint16_t *at = out + from * depth_tiles * 2 * TILE_BF16;
    for (int64_t group = from; group < to; group++) {
        for (int64_t d = 0; d < depth_tiles * TILE_DEPTH; d += 16, at += TILE_BF16) {
            __m512i low[16], high[16];
            int64_t key = group * 32, left = rows - key, features = head_dim - d;
            const float *begin = v + offset + key * stride + (features > 0 ? d : 0);
            load_transposed(begin, stride, left, features, low);
            load_transposed(left > 16 ? begin + 16 * stride : begin, stride, left - 16, features, high);
            for (int i = 0; i < 16; i++) {
                _mm512_store_si512(at + i * TILE_DEPTH, to_bf16(_mm512_castsi512_ps(low[i]), _mm512_castsi512_ps(high[i])));
            }
        }
    }
}
