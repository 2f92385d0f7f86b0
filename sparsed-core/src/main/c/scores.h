// What the kernels of attention share. Queries of one head come in parts of 32; their scores with a group of 32 keys are transposed: a lane is
// a query, so that maxima, sums and shifts of a row need no operation across lanes.
//   queries: [part][depth tile][2 halves of the part][16 pairs of features][16 queries][2]
//   outputs: [part][depth tile][2 halves of the tile][2 halves of the part][16 features][16 queries]
//   scores:  [32 keys][32 queries], to base 2: q·k·log2(e)/sqrt(D), less the query's shift
// Scratch memory has sides, one for each tile of queries of a call: its queries, its outputs and its parts' states.
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

// A tile of queries and keys they attend to; whether these are its first and its last keys, for it may come back with others in a later call,
// then with the entries that follow in the lists. Its side is taken until it has ended and the tile after it in the call has ended, too.
typedef struct {
    int64_t rows;
    int64_t query, out;   // where its rows begin in the arrays
    int64_t head;         // where its head's keys begin, and its values
    int64_t list, count;  // entries
    int64_t begins, ends;
    int64_t side;         // of the scratch memory
    int64_t index;        // of its shifts and sums
    int64_t blocks;       // where its sums by block begin
} tile;

INLINE int64_t depth_tiles_of(int64_t head_dim) { return (head_dim + TILE_DEPTH - 1) / TILE_DEPTH; }

INLINE uint8_t *side_of(uint8_t *scratch, int64_t depth_tiles, int64_t side) {
    return scratch + side * MOST_PARTS * (depth_tiles * 6 * TILE_BYTES + (int64_t)sizeof(state));
}
INLINE uint16_t *queries_of(uint8_t *side) { return (uint16_t *)side; }
INLINE float *outputs_of(uint8_t *side, int64_t depth_tiles) { return (float *)(side + MOST_PARTS * depth_tiles * 2 * TILE_BYTES); }
INLINE state *states_of(uint8_t *side, int64_t depth_tiles) { return (state *)(side + MOST_PARTS * depth_tiles * 6 * TILE_BYTES); }
