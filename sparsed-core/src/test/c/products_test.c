// The kernels of linear layers and MLPs.
#include "kernels_test.h"

void sparsed_round_rows(const float *, int64_t, int64_t, int64_t, int64_t, uint16_t *, int64_t);
void sparsed_pack_weights(const uint8_t *, int64_t, int64_t, int64_t, int64_t, int64_t, uint16_t *);
void sparsed_linear(
        const uint16_t *, int64_t, const uint16_t *, int64_t, const float *, int64_t, float *, int64_t, int64_t, int64_t, int64_t, int64_t,
        int64_t, float *);
void sparsed_gated(
        const uint16_t *, int64_t, const uint16_t *, const uint16_t *, int64_t, uint16_t *, int64_t, int64_t, int64_t, int64_t, int64_t,
        float *);
void sparsed_quantize_rows(const float *, int64_t, int64_t, int64_t, int64_t, int8_t *, int64_t, float *, int64_t);
void sparsed_quantize_weights(const uint8_t *, int64_t, int64_t, int64_t, int64_t, int64_t, int8_t *, float *);
void sparsed_linear_int8(
        const int8_t *, int64_t, const float *, const int8_t *, int64_t, const float *, const float *, int64_t, float *, int64_t, int64_t,
        int64_t, int64_t, int64_t, int64_t, float *);

static void linear(int64_t rows, int64_t in, int64_t out, int type, int with_bias, int64_t depth_block) {
    int64_t depth = tiles(in, 32), row_tiles = tiles(rows, 16), column_tiles = tiles(out, 16), stride = out + 3;
    float *x = floats(rows * in, 2), *w = floats(out * in, 1), *bias = with_bias ? floats(out, 1) : 0;
    int size = type == 0 ? 4 : 2;
    uint8_t *memory = zeros(out * in * size + 1), *weights = memory + 1; // at an odd address
    for (int64_t i = 0; i < out * in; i++) {
        w[i] = bf16(w[i]);
        if (type == 0) {
            memcpy(weights + 4 * i, w + i, 4);
        } else if (type == 1) {
            uint16_t half = _cvtss_sh(w[i], 0);
            w[i] = bf16(_cvtsh_ss(half));
            memcpy(weights + 2 * i, &half, 2);
        } else {
            memcpy(weights + 2 * i, (uint8_t *)(w + i) + 2, 2);
        }
    }
    uint16_t *packed_x = aligned(row_tiles * depth * TILE_BYTES), *packed_w = aligned(column_tiles * depth * TILE_BYTES);
    float *sums = aligned(row_tiles * column_tiles * TILE_BYTES), *result = zeros(((rows - 1) * stride + out) * 4);
    memset(result, 0xff, ((rows - 1) * stride + out) * 4);
    sparsed_round_rows(x, 0, in, rows, in, packed_x, 0);
    int64_t cut = column_tiles / 2; // two tasks
    sparsed_pack_weights(weights, type, out, in, 0, cut, packed_w);
    sparsed_pack_weights(weights, type, out, in, cut, column_tiles, packed_w);
    int64_t columns = cut * 16;
    sparsed_linear(packed_x, 0, packed_w, 0, bias, 0, result, 0, stride, rows, columns, depth, depth_block, sums);
    sparsed_linear(packed_x, 0, packed_w, cut, bias, columns, result, columns, stride, rows, out - columns, depth, depth_block, sums);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < out; j++) {
            double sum = bias ? bias[j] : 0, magnitude = fabs(sum);
            for (int64_t k = 0; k < in; k++) {
                double product = (double)bf16(x[i * in + k]) * w[j * in + k];
                sum += product;
                magnitude += fabs(product);
            }
            near("linear", result[i * stride + j], sum, (in + 3) * 0x1p-23 * magnitude);
        }
        for (int64_t j = out; j < stride && i < rows - 1; j++) {
            near("beyond the edge", isnan(result[i * stride + j]), 1, 0);
        }
    }
    free_all();
}

// Tile [16][32] elements of bf16 as round_rows.c orders them.
static float packed(const uint16_t *tiles, int64_t depth, int64_t row, int64_t column) {
    uint32_t bits = (uint32_t)tiles[((row / 16 * depth + column / 32) * 16 + row % 16) * 32 + column % 32] << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static void gated(int64_t rows, int64_t in, int64_t inner, int64_t depth_block) {
    int64_t depth = tiles(in, 32), row_tiles = tiles(rows, 16), column_tiles = tiles(inner, 16), out_tiles = tiles(inner, 32);
    float *x = floats(rows * in, 2), *w[2] = {floats(inner * in, 3), floats(inner * in, 1)};
    uint16_t *packed_x = aligned(row_tiles * depth * TILE_BYTES), *packed_w[2];
    for (int i = 0; i < 2; i++) {
        packed_w[i] = aligned(column_tiles * depth * TILE_BYTES);
        sparsed_pack_weights((uint8_t *)w[i], 0, inner, in, 0, column_tiles, packed_w[i]);
    }
    uint16_t *out = aligned(row_tiles * out_tiles * TILE_BYTES);
    float *sums = aligned(2 * row_tiles * column_tiles * TILE_BYTES);
    sparsed_round_rows(x, 0, in, rows, in, packed_x, 0);
    int64_t cut = column_tiles / 4 * 2, first = row_tiles / 2; // four tasks
    for (int part = 0; part < 4; part++) {
        int64_t tile = part % 2 ? first : 0, from = part / 2 ? cut : 0;
        int64_t count = part % 2 ? rows - first * 16 : first * 16, columns = part / 2 ? inner - cut * 16 : cut * 16;
        if (count > 0 && columns > 0) {
            sparsed_gated(
                packed_x, tile, packed_w[0], packed_w[1], from, out, out_tiles, count, columns, depth, depth_block, sums);
        }
    }
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < inner; j++) {
            double sum[2] = {0}, magnitude[2] = {0};
            for (int64_t k = 0; k < in; k++) {
                for (int side = 0; side < 2; side++) {
                    double product = (double)bf16(x[i * in + k]) * bf16(w[side][j * in + k]);
                    sum[side] += product;
                    magnitude[side] += fabs(product);
                }
            }
            double expected = sum[0] / (1 + exp(-sum[0])) * sum[1]; // the slope of silu is at most 1.1
            double bound = (in + 3) * 0x1p-23 * (1.1 * magnitude[0] * fabs(sum[1]) + magnitude[1] * fabs(sum[0]));
            near("gated", packed(out, out_tiles, i, j), expected, bound + (0x1p-8 * 1.01) * fabs(expected));
        }
    }
    for (int64_t i = 0; i < row_tiles * 16; i++) {
        for (int64_t j = i < rows ? inner : 0; j < out_tiles * 32; j++) {
            near("beyond the last row and column", packed(out, out_tiles, i, j), 0, 0);
        }
    }
    free_all();
}

// What is no number, or would be infinite halfway.
static void gated_at_the_edges(void) {
    const float edge[] = {-INFINITY, -3e38f, -200, 0, 200, 3e38f, INFINITY, NAN};
    float *x = floats(8 * 32, 0), *w = floats(16 * 32, 0);
    uint16_t *packed_x = aligned(TILE_BYTES), *packed_w = aligned(TILE_BYTES), *out = aligned(TILE_BYTES);
    for (int i = 0; i < 8; i++) {
        x[i * 32] = edge[i];
    }
    w[0] = 1;
    sparsed_round_rows(x, 0, 32, 8, 32, packed_x, 0);
    sparsed_pack_weights((uint8_t *)w, 0, 16, 32, 0, 1, packed_w);
    sparsed_gated(packed_x, 0, packed_w, packed_w, 0, out, 1, 8, 16, 1, 1, 0);
    for (int i = 0; i < 8; i++) {
        float z = bf16(edge[i]), expected = z / (1 + expf(-z)) * z, actual = packed(out, 1, i, 0);
        near("gated at an edge", isnan(expected) ? isnan(actual) : actual == bf16(expected), 1, 0);
    }
    free_all();
}

static double rounded_to_127th(const float *row, int64_t count, int8_t *q) {
    float most = 0;
    for (int64_t i = 0; i < count; i++) {
        most = fmaxf(most, fabsf(row[i]));
    }
    float scale = most / 127;
    for (int64_t i = 0; i < count; i++) {
        q[i] = scale > 0 ? (int8_t)rintf(row[i] * (1 / scale)) : 0;
    }
    return scale;
}

static void linear_int8(int64_t rows, int64_t in, int64_t out, int type, int with_bias, int64_t depth_block) {
    int64_t depth = tiles(in, 64), row_tiles = tiles(rows, 16), column_tiles = tiles(out, 16), stride = out + 3;
    float *x = floats(rows * in, 2), *w = floats(out * in, 1), *bias = with_bias ? floats(out, 1) : 0;
    for (int64_t i = 0; i < in; i++) {
        x[i] = 0; // a row of zeros has no scale
    }
    int size = type == 0 ? 4 : 2;
    uint8_t *weights = (uint8_t *)zeros(out * in * size + 1) + 1;
    for (int64_t i = 0; i < out * in; i++) {
        if (type == 0) {
            memcpy(weights + 4 * i, w + i, 4);
        } else if (type == 1) {
            uint16_t half = _cvtss_sh(w[i], 0);
            w[i] = _cvtsh_ss(half);
            memcpy(weights + 2 * i, &half, 2);
        } else {
            w[i] = bf16(w[i]);
            memcpy(weights + 2 * i, (uint8_t *)(w + i) + 2, 2);
        }
    }
    int8_t *packed_x = aligned(row_tiles * depth * TILE_BYTES), *packed_w = aligned(column_tiles * depth * TILE_BYTES);
    float *x_scales = aligned(row_tiles * 64), *w_scales = aligned(column_tiles * 64);
    float *sums = aligned(row_tiles * column_tiles * TILE_BYTES), *result = zeros(((rows - 1) * stride + out) * 4);
    memset(result, 0xff, ((rows - 1) * stride + out) * 4);
    sparsed_quantize_rows(x, 0, in, rows, in, packed_x, 0, x_scales, 0);
    int64_t cut = column_tiles / 2, columns = cut * 16; // two tasks
    sparsed_quantize_weights(weights, type, out, in, 0, cut, packed_w, w_scales);
    sparsed_quantize_weights(weights, type, out, in, cut, column_tiles, packed_w, w_scales);
    sparsed_linear_int8(
        packed_x, 0, x_scales, packed_w, 0, w_scales, bias, 0, result, 0, stride, rows, columns, depth, depth_block, sums);
    sparsed_linear_int8(
        packed_x, 0, x_scales, packed_w, cut, w_scales, bias, columns, result, columns, stride, rows, out - columns, depth, depth_block,
        sums);
    int8_t *qx = zeros(in), *qw = zeros(out * in);
    double *scales = zeros(out * 8);
    for (int64_t j = 0; j < out; j++) {
        scales[j] = rounded_to_127th(w + j * in, in, qw + j * in);
    }
    for (int64_t i = 0; i < rows; i++) {
        double scale = rounded_to_127th(x + i * in, in, qx);
        for (int64_t j = 0; j < out; j++) {
            int64_t sum = 0;
            for (int64_t k = 0; k < in; k++) {
                sum += (int64_t)qx[k] * qw[j * in + k];
            }
            double expected = (double)sum * scale * scales[j] + (bias ? bias[j] : 0);
            near("linear_int8", result[i * stride + j], expected, 0x1p-21 * (fabs((double)sum * scale * scales[j]) + 1));
        }
        for (int64_t j = out; j < stride && i < rows - 1; j++) {
            near("beyond the edge", isnan(result[i * stride + j]), 1, 0);
        }
    }
    free_all();
}

void test_products(void) {
    const int64_t sizes[] = {1, 3, 7, 16, 17, 31, 33, 65};
    for (int i = 0; i < 8; i++) {
        for (int j = i % 2; j < 8; j += 2) {
            linear(sizes[i], sizes[7 - j], sizes[j], (i + j) % 3, j % 4 < 2, 1 + i % 2);
            linear_int8(sizes[i], sizes[7 - j], sizes[j], (i + j) % 3, j % 4 < 2, 1 + i % 2);
            gated(sizes[i], sizes[7 - j], sizes[j], 1 + i % 2);
        }
        linear(sizes[i], 129, sizes[7 - i], i % 3, i % 2, 2);
        linear_int8(sizes[i], 200, sizes[7 - i], i % 3, i % 2, 2);
    }
    linear(127, 257, 65, 2, 1, 3);
    linear_int8(127, 257, 65, 2, 1, 3);
    gated(127, 257, 129, 3);
    gated(33, 1500, 48, 32);
    gated_at_the_edges();
}
