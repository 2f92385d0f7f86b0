// out[rows, columns] = x·wᵀ (+ bias), x from round_rows.c and w from pack_weights.c; in 8-bit integers, x from quantize_rows.c and w from
// quantize_weights.c, the sums, which are exact, times the scales of row and column.
// Blocks of 2 × 2 tiles of out: four loads for four products. The depth is cut into blocks: the 32 columns of w of one block stay in the
// first-level cache while the rows of x pass by from the second, loaded with the hint not to displace them; sums wait in `sums` for the next
// block. Neither changes a result: what a tile holds is stored and loaded exactly.
#include "vectors.h"

typedef struct {
    const uint8_t *x, *w;
    const float *bias; // 32 floats of this pair of column tiles, or null
    const float *row_scales, *column_scales; // of 8-bit integers: those of this block
    float *out, *sums; // element (0, 0) of the block; its tiles
    int64_t out_stride, rows, columns, depth_tiles, from, to, sums_stride;
} block;

// A tile of out that the edge cuts.
static void store_edge(const float *tile, float *out, int64_t stride, int64_t rows, int64_t columns) {
    __mmask16 mask = first16(columns);
    for (int64_t i = 0; i < rows && i < TILE_ROWS; i++) {
        _mm512_mask_storeu_ps(out + i * stride, mask, _mm512_load_ps(tile + i * 16));
    }
}

static void store_scaled(const block *b, const void *tile, int64_t m, int64_t n) {
    __mmask16 mask = first16(b->columns - n);
    __m512 scale = _mm512_loadu_ps(b->column_scales + n), bias = b->bias ? _mm512_load_ps(b->bias + n) : _mm512_setzero_ps();
    for (int64_t i = 0; i < b->rows - m && i < TILE_ROWS; i++) {
        __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512((const int32_t *)tile + i * 16));
        sum = _mm512_fmadd_ps(_mm512_mul_ps(sum, _mm512_set1_ps(b->row_scales[m + i])), scale, bias);
        _mm512_mask_storeu_ps(b->out + (m + i) * b->out_stride + n, mask, sum);
    }
}

#define DOT(c, a, b) \
    if (int8) { TILE_DOT_INT8(c, a, b); } \
    else { TILE_DOT(c, a, b); }

#define BEGIN(t, sum, n) \
    if (b->from > 0) TILE_LOAD(t, b->sums + (sum)*TILE_FLOATS, 64); \
    else if (b->bias && !int8) TILE_LOAD(t, b->bias + (n)*16, 0); \
    else TILE_ZERO(t)

#define END(t, sum, m, n) \
    if (b->to < b->depth_tiles) TILE_STORE(t, b->sums + (sum)*TILE_FLOATS, 64); \
    else if (int8) { \
        TILE_STORE(t, edge, 64); \
        store_scaled(b, edge, (m)*16, (n)*16); \
    } else if (b->rows >= (m)*16 + 16 && b->columns >= (n)*16 + 16) \
        TILE_STORE(t, b->out + (m)*16 * b->out_stride + (n)*16, b->out_stride * 4); \
    else { \
        TILE_STORE(t, edge, 64); \
        store_edge(edge, b->out + (m)*16 * b->out_stride + (n)*16, b->out_stride, b->rows - (m)*16, b->columns - (n)*16); \
    }

INLINE void multiply(const block *b, int row_tiles, int column_tiles, int int8) {
    float edge[TILE_FLOATS] __attribute__((aligned(64)));
    const uint8_t *x0 = b->x, *x1 = b->x + b->depth_tiles * TILE_BYTES;
    const uint8_t *w0 = b->w, *w1 = b->w + b->depth_tiles * TILE_BYTES;
    if (b->to == b->depth_tiles) { // the lines of out are fetched, to be written, while the products run
        for (int64_t row = 0; row < b->rows && row < row_tiles * 16; row++) {
            const float *line = b->out + row * b->out_stride;
            __asm__ volatile("prefetchw %0" ::"m"(*line));
            __asm__ volatile("prefetchw %0" ::"m"(*(line + (b->columns < 16 ? 0 : 15))));
            __asm__ volatile("prefetchw %0" ::"m"(*(line + (b->columns < 32 ? 0 : 31))));
        }
    }
    BEGIN(0, 0, 0);
    if (column_tiles > 1) { BEGIN(1, 1, 1); }
    if (row_tiles > 1) {
        BEGIN(2, b->sums_stride, 0);
        if (column_tiles > 1) { BEGIN(3, b->sums_stride + 1, 1); }
    }
    for (int64_t k = b->from; k < b->to; k++) {
        TILE_STREAM(4, x0 + k * TILE_BYTES, 64);
        TILE_LOAD(6, w0 + k * TILE_BYTES, 64);
        DOT(0, 4, 6)
        if (column_tiles > 1) {
            TILE_LOAD(7, w1 + k * TILE_BYTES, 64);
            DOT(1, 4, 7)
        }
        if (row_tiles > 1) {
            TILE_STREAM(5, x1 + k * TILE_BYTES, 64);
            DOT(2, 5, 6)
            if (column_tiles > 1) { DOT(3, 5, 7) }
        }
    }
    END(0, 0, 0, 0)
    if (column_tiles > 1) { END(1, 1, 0, 1) }
    if (row_tiles > 1) {
        END(2, b->sums_stride, 1, 0)
        if (column_tiles > 1) { END(3, b->sums_stride + 1, 1, 1) }
    }
}

INLINE void multiply_all(
        const void *x, int64_t x_tile, const float *x_scales, const void *w, int64_t w_tile, const float *w_scales, const float *bias,
        int64_t bias_offset, float *out, int64_t out_offset, int64_t out_stride, int64_t rows, int64_t columns, int64_t depth_tiles,
        int64_t depth_block, float *sums, int int8) {
    int64_t column_tiles = (columns + 15) / 16;
    TILES_BEGIN();
    for (int64_t from = 0; from < depth_tiles; from += depth_block) {
        for (int64_t column = 0; column < columns; column += 32) {
            float some_bias[32] __attribute__((aligned(64)));
            if (bias) {
                for (int i = 0; i < 32; i += 16) {
                    __mmask16 mask = first16(columns - column - i);
                    const float *at = bias + bias_offset + (mask ? column + i : 0);
                    _mm512_store_ps(some_bias + i, _mm512_maskz_loadu_ps(mask, at));
                }
            }
            for (int64_t row = 0; row < rows; row += 32) {
                block b = {
                    .x = (const uint8_t *)x + (x_tile + row / 16) * depth_tiles * TILE_BYTES,
                    .w = (const uint8_t *)w + (w_tile + column / 16) * depth_tiles * TILE_BYTES,
                    .bias = bias ? some_bias : 0,
                    .row_scales = int8 ? x_scales + x_tile * 16 + row : 0,
                    .column_scales = int8 ? w_scales + w_tile * 16 + column : 0,
                    .out = out + out_offset + row * out_stride + column,
                    .sums = sums + (row / 16 * column_tiles + column / 16) * TILE_FLOATS,
                    .out_stride = out_stride,
                    .rows = rows - row,
                    .columns = columns - column,
                    .depth_tiles = depth_tiles,
                    .from = from,
                    .to = from + depth_block < depth_tiles ? from + depth_block : depth_tiles,
                    .sums_stride = column_tiles,
                };
                if (b.rows > 16) {
                    if (b.columns > 16) multiply(&b, 2, 2, int8);
                    else multiply(&b, 2, 1, int8);
                } else {
                    if (b.columns > 16) multiply(&b, 1, 2, int8);
                    else multiply(&b, 1, 1, int8);
                }
            }
        }
    }
    TILES_END();
}

EXPORT void sparsed_linear(
        const uint16_t *x, int64_t x_tile, const uint16_t *w, int64_t w_tile, const float *bias, int64_t bias_offset, float *out,
        int64_t out_offset, int64_t out_stride, int64_t rows, int64_t columns, int64_t depth_tiles, int64_t depth_block, float *sums) {
    multiply_all(
        x, x_tile, 0, w, w_tile, 0, bias, bias_offset, out, out_offset, out_stride, rows, columns, depth_tiles, depth_block, sums, 0);
}

EXPORT void sparsed_linear_int8(
        const int8_t *x, int64_t x_tile, const float *x_scales, const int8_t *w, int64_t w_tile, const float *w_scales, const float *bias,
        int64_t bias_offset, float *out, int64_t out_offset, int64_t out_stride, int64_t rows, int64_t columns, int64_t depth_tiles,
        int64_t depth_block, float *sums) {
    multiply_all(
        x, x_tile, x_scales, w, w_tile, w_scales, bias, bias_offset, out, out_offset, out_stride, rows, columns, depth_tiles, depth_block,
        sums, 1);
}
