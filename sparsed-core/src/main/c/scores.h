// Queries of one head, and their scores with a group of 32 keys, transposed: a lane is a query, so that maxima, sums and shifts of a row
// need no operation across lanes. Queries come in parts of 32.
//   queries: [part][depth tile][2 halves of the part][16 pairs of features][16 queries][2]
//   scores:  [32 keys][32 queries], to base 2: q·k·log2(e)/sqrt(D)
#pragma once
#include "vectors.h"

enum { PART = 32, MOST_PARTS = 4, SCORES = 32 * PART };

INLINE void scores(const uint16_t *queries, const uint16_t *keys, int64_t depth_tiles, float *out) {
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    for (int64_t d = 0; d < depth_tiles; d++, queries += 2 * TILE_BF16, keys += 2 * TILE_BF16) {
        TILE_LOAD(4, keys, 64);
        TILE_LOAD(6, queries, 64);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, queries + TILE_BF16, 64);
        TILE_DOT(1, 4, 7);
        TILE_LOAD(5, keys + TILE_BF16, 64);
        TILE_DOT(2, 5, 6);
        TILE_DOT(3, 5, 7);
    }
    TILE_STORE(0, out, PART * 4);
    TILE_STORE(1, out + 16, PART * 4);
    TILE_STORE(2, out + 16 * PART, PART * 4);
    TILE_STORE(3, out + 16 * PART + 16, PART * 4);
}

// Largest score of every query over the keys in the mask.
INLINE void largest(const float *s, uint32_t mask, __m512 max[2]) {
    max[0] = max[1] = _mm512_set1_ps(-__builtin_inff());
    for (; mask; mask &= mask - 1) {
        const float *key = s + __builtin_ctz(mask) * PART;
        max[0] = _mm512_max_ps(max[0], _mm512_load_ps(key));
        max[1] = _mm512_max_ps(max[1], _mm512_load_ps(key + 16));
    }
}

// What a list says of one group.
typedef struct {
    int32_t group;
    uint32_t mask; // the keys that count
    int32_t slot;  // selection: which sum they enter
    int32_t unused;
} entry;
