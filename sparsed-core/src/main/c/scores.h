// What the kernels of attention share. Queries of one head come in parts of 32; their scores with a group of 32 keys are transposed: a lane is
// a query, so that maxima, sums and shifts of a row need no operation across lanes.
//   queries: [part][depth tile][2 halves of the part][16 pairs of features][16 queries][2]
//   outputs: [part][depth tile][2 halves of the tile][2 halves of the part][16 features][16 queries]
//   scores:  [32 keys][32 queries], to base 2: q·k·log2(e)/sqrt(D), less the query's shift
// The scratch memory of a tile of queries holds the queries, the outputs, the parts' states, and what to fetch ahead.
#pragma once
#include "vectors.h"

enum { PART = 32, MOST_PARTS = 4, LANES = MOST_PARTS * PART, SCORES = 32 * PART };

// A query's sum of 2^(s - shift).
typedef struct {
    float shift[PART], sum[PART];
} state;

// The same over the keys of one block, by query of the tile.
typedef struct {
    float shift[LANES], sum[LANES];
} block_sums;

// What a list says of one group.
typedef struct {
    int32_t group;
    uint32_t mask; // the keys that count
    int32_t block; // whose sums they enter
    int32_t unused;
} entry;

// Rows that are fetched into the cache, one with each group of keys: those that this tile's outputs go to, and the queries of a later tile.
// They lie in the Java heap and may be moved meanwhile, so that nothing but fetching may be done at these addresses.
typedef struct {
    const uint8_t *out, *queries;
    int64_t out_stride, query_stride, bytes, rows;
} __attribute__((aligned(64))) rows_ahead;

INLINE int64_t depth_tiles_of(int64_t head_dim) { return (head_dim + TILE_DEPTH - 1) / TILE_DEPTH; }

INLINE uint16_t *queries_of(void *scratch) { return scratch; }
INLINE float *outputs_of(void *scratch, int64_t depth_tiles) {
    return (float *)((uint8_t *)scratch + MOST_PARTS * depth_tiles * 2 * TILE_BYTES);
}
INLINE state *states_of(void *scratch, int64_t depth_tiles) {
    return (state *)((uint8_t *)scratch + MOST_PARTS * depth_tiles * 6 * TILE_BYTES);
}
INLINE rows_ahead *ahead_of(void *scratch, int64_t depth_tiles) {
    return (rows_ahead *)(states_of(scratch, depth_tiles) + MOST_PARTS);
}
