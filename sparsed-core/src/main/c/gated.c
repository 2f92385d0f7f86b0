// The inner half of an MLP with SwiGLU (arXiv 2002.05202, eq. 6): out = silu(x·gateᵀ) · (x·upᵀ) with silu(z) = z / (1 + e^-z), rounded to
// bf16, x and out in the tiles of round_rows.c, gate and up in those of pack_weights.c: out is what the product with the third weight reads.
// A block of 2 × 2 tiles is 32 rows by 16 columns of x·gateᵀ and of x·upᵀ; the depth is cut as in linear.c. While the tiles multiply a
// block, the vectors finish the one before: a row of 16 columns after every four products.
#include "vectors.h"

// A block whose sums are complete: [2 row tiles][gate, up], and where its rows go: half of a tile's.
typedef struct {
    float *sums;
    uint16_t *out;
    int64_t row_tile_stride, next, rows;
    int last; // the other half of the tiles is beyond the last column
} finishing;

INLINE uint16_t *row_of(const finishing *f, int64_t row) {
    return f->out + row / TILE_ROWS * f->row_tile_stride + row % TILE_ROWS * TILE_DEPTH;
}

INLINE void finish(finishing *f, int64_t to) {
    const __m512 minus_log2_e = _mm512_set1_ps(-0x1.715476p0f), one = _mm512_set1_ps(1.0f);
    for (; f->next < to; f->next++) {
        const float *gate = f->sums + f->next / TILE_ROWS * 2 * TILE_FLOATS + f->next % TILE_ROWS * 16;
        __m512 z = _mm512_load_ps(gate), up = _mm512_load_ps(gate + TILE_FLOATS);
        __m512 e = exp2_ps(_mm512_mul_ps(z, minus_log2_e));
        __m512 value = _mm512_mul_ps(_mm512_div_ps(z, _mm512_add_ps(one, e)), up);
        __m256i *out = (__m256i *)row_of(f, f->next);
        _mm256_store_si256(out, _mm512_castsi512_si256(to_bf16(value, value)));
        if (f->last) _mm256_store_si256(out + 1, _mm256_setzero_si256());
    }
}

typedef struct {
    const uint16_t *x, *gate, *up;
    float *sums; // of the block, [2 row tiles][gate, up], between parts of the depth
    int64_t depth_tiles, from, to;
} block;

INLINE void multiply(const block *b, int row_tiles, finishing *f) {
    const uint16_t *x0 = b->x, *x1 = b->x + b->depth_tiles * TILE_BF16;
    if (b->from > 0) {
        TILE_LOAD(0, b->sums, 64);
        TILE_LOAD(1, b->sums + TILE_FLOATS, 64);
        if (row_tiles > 1) {
            TILE_LOAD(2, b->sums + 2 * TILE_FLOATS, 64);
            TILE_LOAD(3, b->sums + 3 * TILE_FLOATS, 64);
        }
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    int64_t each = (f->rows + b->to - b->from - 1) / (b->to - b->from), finished = 0;
    for (int64_t k = b->from; k < b->to; k++) {
        TILE_STREAM(4, x0 + k * TILE_BF16, 64);
        TILE_LOAD(6, b->gate + k * TILE_BF16, 64);
        TILE_DOT(0, 4, 6);
        TILE_LOAD(7, b->up + k * TILE_BF16, 64);
        TILE_DOT(1, 4, 7);
        if (row_tiles > 1) {
            TILE_STREAM(5, x1 + k * TILE_BF16, 64);
            TILE_DOT(2, 5, 6);
            TILE_DOT(3, 5, 7);
        }
        finished += each;
        finish(f, finished < f->rows ? finished : f->rows);
    }
    float *sums = b->to < b->depth_tiles ? b->sums : f->sums;
    TILE_STORE(0, sums, 64);
    TILE_STORE(1, sums + TILE_FLOATS, 64);
    if (row_tiles > 1) {
        TILE_STORE(2, sums + 2 * TILE_FLOATS, 64);
        TILE_STORE(3, sums + 3 * TILE_FLOATS, 64);
    }
}

// The lines of one or two tiles, to be written.
INLINE void fetch(const uint16_t *tile, int64_t stride, int pair) {
    for (int i = 0; i < TILE_ROWS; i++) {
        __asm__ volatile("prefetchw %0" ::"m"(tile[i * TILE_DEPTH]));
        if (pair) __asm__ volatile("prefetchw %0" ::"m"(tile[stride + i * TILE_DEPTH]));
    }
}

// Row tiles from `tile` on of x and out, `columns` columns from column tile `w_tile` on, which is even; out has out_tiles depth tiles.
// sums: 2 tiles for each tile of the part.
EXPORT void sparsed_gated(
        const uint16_t *x, int64_t tile, const uint16_t *gate, const uint16_t *up, int64_t w_tile, uint16_t *out, int64_t out_tiles,
        int64_t rows, int64_t columns, int64_t depth_tiles, int64_t depth_block, float *sums) {
    int64_t row_tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, column_tiles = (columns + 15) / 16;
    float complete[4 * TILE_FLOATS] __attribute__((aligned(64)));
    finishing f = {complete, out, out_tiles * TILE_BF16, 0, 0, 0};
    TILES_BEGIN();
    for (int64_t from = 0; from < depth_tiles; from += depth_block) {
        for (int64_t column = 0; column < column_tiles; column++) {
            for (int64_t row = 0; row < row_tiles; row += 2) {
                block b = {
                    .x = x + (tile + row) * depth_tiles * TILE_BF16,
                    .gate = gate + (w_tile + column) * depth_tiles * TILE_BF16,
                    .up = up + (w_tile + column) * depth_tiles * TILE_BF16,
                    .sums = sums + (column * row_tiles + row) * 2 * TILE_FLOATS,
                    .depth_tiles = depth_tiles,
                    .from = from,
                    .to = from + depth_block < depth_tiles ? from + depth_block : depth_tiles,
                };
                int pair = row + 1 < row_tiles, complete_now = b.to == depth_tiles, even = column % 2 == 0;
                uint16_t *to = out + ((tile + row) * out_tiles + (w_tile + column) / 2) * TILE_BF16;
                if (complete_now && even) fetch(to, f.row_tile_stride, pair);
                if (pair) multiply(&b, 2, &f);
                else multiply(&b, 1, &f);
                f.next = f.rows = 0;
                if (complete_now) {
                    f.out = even ? to : to + 16;
                    f.rows = pair ? 2 * TILE_ROWS : TILE_ROWS;
                    f.last = even && column == column_tiles - 1;
                }
            }
        }
    }
    finish(&f, f.rows);
    TILES_END();
}
