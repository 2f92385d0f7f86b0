// Keys and values of some heads as bf16 tiles, by groups of 32 keys; zero beyond the last key and feature. A head's tiles lie `head_bytes`
// after those of the one before.
//   keys:   [group][depth tile][2 halves of the group][16 keys][32 features]
//   values: [group][depth tile][2 halves of the tile][16 features][32 keys]: transposed
#include "vectors.h"

EXPORT void sparsed_pack_keys(
        const float *k, int64_t offset, int64_t stride, int64_t rows, int64_t heads, int64_t head_dim, int64_t from, int64_t to,
        uint8_t *out, int64_t head_bytes) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    const __m512 one = _mm512_set1_ps(1.0f);
    for (int64_t group = from; group < to; group++) {
        for (int64_t head = 0; head < heads; head++) {
            uint16_t *at = (uint16_t *)(out + head * head_bytes) + group * depth_tiles * 2 * TILE_BF16;
            const float *begin = k + offset + head * head_dim;
            for (int64_t d = 0; d < head_dim; d += TILE_DEPTH) {
                for (int64_t key = group * 32; key < group * 32 + 32; key++, at += TILE_DEPTH) {
                    _mm512_store_si512(at, key < rows ? load_bf16(begin + key * stride + d, head_dim - d, one) : _mm512_setzero_si512());
                }
            }
        }
    }
}

// A row of 16 pairs: the bf16 of `low` beside those of `high`.
INLINE __m512i pairs(__m512 low, __m512 high) {
    static const uint16_t ORDER[32] __attribute__((aligned(64))) = {0,  16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                                                    8,  24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    return _mm512_permutexvar_epi16(_mm512_load_si512(ORDER), to_bf16(low, high));
}

EXPORT void sparsed_pack_values(
        const float *v, int64_t offset, int64_t stride, int64_t rows, int64_t heads, int64_t head_dim, int64_t from, int64_t to,
        uint8_t *out, int64_t head_bytes) {
    int64_t depth_tiles = (head_dim + TILE_DEPTH - 1) / TILE_DEPTH;
    for (int64_t group = from; group < to; group++) {
        for (int64_t head = 0; head < heads; head++) {
            uint16_t *at = (uint16_t *)(out + head * head_bytes) + group * depth_tiles * 2 * TILE_BF16;
            for (int64_t d = 0; d < depth_tiles * TILE_DEPTH; d += 16, at += TILE_BF16) {
                __mmask16 mask = first16(head_dim - d);
                const float *begin = v + offset + head * head_dim + (mask ? d : 0);
                __m512i r[16];
                for (int64_t i = 0; i < 16; i++) {
                    int64_t key = group * 32 + 2 * i;
                    __m512 even = key < rows ? _mm512_maskz_loadu_ps(mask, begin + key * stride) : _mm512_setzero_ps();
                    __m512 odd = key + 1 < rows ? _mm512_maskz_loadu_ps(mask, begin + (key + 1) * stride) : _mm512_setzero_ps();
                    r[i] = pairs(even, odd);
                }
                transpose(r);
                for (int i = 0; i < 16; i++) {
                    _mm512_store_si512(at + i * TILE_DEPTH, r[i]);
                }
            }
        }
    }
}
