// Runs the kernels on emulated tiles at awkward sizes against sums in double. Every buffer ends at a page that cannot be touched: the
// sanitizer does not see what masked vector instructions read and write.
//   gcc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DAMX_EMULATED -mavx512f ... -o kernels_test *.c kernels_test.c -lm
#include "scores.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
void sparsed_pack_keys(const float *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, uint8_t *, int64_t);
void sparsed_pack_values(const float *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, uint8_t *, int64_t);
void sparsed_attention_begin(
        const float *, int64_t, int64_t, int64_t, int64_t, float, const float *, int64_t, int64_t, int64_t, void *);
void sparsed_attention_keys(const uint16_t *, const uint16_t *, const entry *, int64_t, int64_t, int64_t, void *, block_sums *);
void sparsed_attention_end(void *, int64_t, int64_t, float *, int64_t, int64_t, float *, float *);
void sparsed_importance(
        const block_sums *, int64_t, int64_t, const void *, int64_t, int64_t, int64_t, double *, double *);

static uint64_t seed = 1;

static float uniform(void) { // -1 … 1
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(seed >> 32) * 0x1p-31f;
}

static float bf16(float x) { // round to nearest even
    uint32_t bits;
    memcpy(&bits, &x, 4);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    memcpy(&x, &bits, 4);
    return x;
}

static struct {
    void *begin;
    int64_t bytes;
} mapped[64];
static int mappings;

// Zeros, exactly so many bytes before a page that faults; at the start of a cache line where `bytes` is a multiple of it.
static void *zeros(int64_t bytes) {
    int64_t page = 4096, whole = (bytes + page - 1) / page * page;
    uint8_t *memory = mmap(0, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE) || mappings == 64) {
        abort();
    }
    mapped[mappings].begin = memory;
    mapped[mappings++].bytes = whole + page;
    return memory + whole - bytes;
}

static void free_all(void) {
    while (mappings > 0) {
        mappings--;
        munmap(mapped[mappings].begin, mapped[mappings].bytes);
    }
}

static void *aligned(int64_t bytes) { return memset(zeros(bytes), 0xff, bytes); } // NaN

static float *floats(int64_t count, float spread) {
    float *values = zeros(count * 4);
    for (int64_t i = 0; i < count; i++) {
        values[i] = spread * uniform();
    }
    return values;
}

static void near(const char *what, double actual, double expected, double bound) {
    if (!(fabs(actual - expected) <= bound)) {
        fprintf(stderr, "%s: %.9g, expected %.9g within %.3g\n", what, actual, expected, bound);
        exit(1);
    }
}

static int64_t tiles(int64_t count, int64_t size) { return (count + size - 1) / size; }

static void exponentials(void) {
    double worst = 0;
    for (double y = -126; y <= 16; y += 1.0 / 4099) {
        float r[16];
        _mm512_storeu_ps(r, exp2_ps(_mm512_set1_ps((float)y)));
        double error = fabs(r[3] / exp2((float)y) - 1);
        worst = error > worst ? error : worst;
    }
    near("relative error of exp2", worst, 0, 3e-6);
    float r[16];
    const float edge[] = {-INFINITY, -1e30f, -200, 200, INFINITY, NAN};
    for (int i = 0; i < 6; i++) {
        _mm512_storeu_ps(r, exp2_ps(_mm512_set1_ps(edge[i])));
        int right = i == 0 ? isnan(r[0]) || r[0] == 0 : i < 3 ? r[0] == 0 : i == 3 ? isinf(r[0]) : i == 4 ? !isfinite(r[0]) : isnan(r[0]);
        near("exp2 at an edge", right, 1, 0);
    }
}

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

// A list of groups from the last to the first: all keys, or, with `some`, about half of them at random. Two groups make a block.
static entry *list_of(int64_t keys, int some, uint8_t *kept, int64_t *count) {
    entry *list = zeros(tiles(keys, 32) * sizeof(entry));
    *count = 0;
    for (int64_t group = (keys - 1) / 32; group >= 0; group--) {
        uint32_t mask = keys - group * 32 >= 32 ? 0xffffffff : (1u << (keys - group * 32)) - 1;
        if (some) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint32_t chosen = seed >> 63 ? 0xffffffff : (uint32_t)(seed >> 20);
            mask = mask & chosen ? mask & chosen : mask & -mask;
            if (group % 4 == 1) mask = 0; // no block is empty
        }
        for (int64_t key = group * 32; key < keys && key < group * 32 + 32; key++) {
            kept[key] = mask >> (key % 32) & 1;
        }
        if (mask) {
            list[(*count)++] = (entry){(int32_t)group, mask, (int32_t)(group / 2), 0};
        }
    }
    return list;
}

static void attention(int64_t rows, int64_t keys, int64_t dim, int64_t heads, float spread, int some) {
    int64_t depth = tiles(dim, 32), groups = tiles(keys, 32), stride = heads * dim, head = (heads - 1) * dim;
    float *q = floats(rows * stride, spread), *k = floats(keys * stride, spread), *v = floats(keys * stride, 1);
    uint8_t *kept = zeros(keys), *scratch = aligned(4 * depth * 6 * TILE_BYTES + 4 * 256 + sizeof(rows_ahead));
    int64_t head_bytes = groups * depth * 2 * TILE_BYTES, count;
    uint8_t *packed_k = aligned(heads * head_bytes), *packed_v = aligned(heads * head_bytes);
    entry *list = list_of(keys, some, kept, &count);
    float *out = zeros(rows * stride * 4), *shifts = zeros(rows * 4), *sums = zeros(rows * 4);
    float scale = (float)(1 / log(2) / sqrt((double)dim));
    int64_t blocks = tiles(groups, 2), first = blocks / 2, from = rows / 3; // queries from … rows - 1 have their weights added up
    block_sums *by_block = aligned(blocks * sizeof(block_sums));
    double *overall = zeros(blocks * 8), *isolated = zeros((blocks - first) * 8), *s = zeros(keys * 8);
    double *expected = zeros(blocks * 8), *expected_isolated = zeros(blocks * 8);
    memset(out, 0xff, rows * stride * 4);
    sparsed_pack_keys(k, 0, stride, keys, heads, dim, 0, groups / 2, packed_k, head_bytes);
    sparsed_pack_keys(k, 0, stride, keys, heads, dim, groups / 2, groups, packed_k, head_bytes);
    sparsed_pack_values(v, 0, stride, keys, heads, dim, 0, groups / 2, packed_v, head_bytes);
    sparsed_pack_values(v, 0, stride, keys, heads, dim, groups / 2, groups, packed_v, head_bytes);
    const uint16_t *own_k = (uint16_t *)(packed_k + (heads - 1) * head_bytes), *own_v = (uint16_t *)(packed_v + (heads - 1) * head_bytes);
    sparsed_attention_begin(q, head, stride, rows, dim, scale, out, head, stride, 0, scratch);
    sparsed_attention_keys(own_k, own_v, list, count, rows, dim, scratch, by_block);
    sparsed_attention_end(scratch, rows, dim, out, head, stride, shifts, sums);
    sparsed_importance(by_block, blocks, first, scratch, dim, from, rows, overall, isolated);
    sparsed_attention_begin(q, head, stride, rows, dim, scale, out, head, stride, 0, scratch);
    sparsed_attention_keys(own_k, own_v, list, count, rows, dim, scratch, 0);
    float *again = zeros(rows * stride * 4);
    memset(again, 0xff, rows * stride * 4);
    sparsed_attention_end(scratch, rows, dim, again, head, stride, shifts, sums);
    near("the same without sums by block", memcmp(out, again, rows * stride * 4), 0, 0);
    for (int64_t i = 0; i < rows; i++) {
        double max = -INFINITY, generation_max = -INFINITY, sum = 0, generation_sum = 0;
        for (int64_t j = 0; j < keys; j++) {
            s[j] = 0;
            for (int64_t d = 0; d < dim; d++) {
                s[j] += (double)bf16(q[i * stride + head + d] * scale) * bf16(k[j * stride + head + d]);
            }
            max = kept[j] && s[j] > max ? s[j] : max;
            generation_max = kept[j] && j >= 64 * first && s[j] > generation_max ? s[j] : generation_max;
        }
        for (int64_t j = 0; j < keys; j++) {
            sum += kept[j] ? exp2(s[j] - max) : 0;
            generation_sum += kept[j] && j >= 64 * first ? exp2(s[j] - generation_max) : 0;
        }
        near("log-sum-exp", shifts[i] + log2(sums[i]), max + log2(sum), 2e-5 * (1 + fabs(max)));
        for (int64_t j = 0; j < keys && i >= from; j++) {
            expected[j / 64] += kept[j] ? exp2(s[j] - max) / sum : 0;
            expected_isolated[j / 64] += kept[j] && j >= 64 * first ? exp2(s[j] - generation_max) / generation_sum : 0;
        }
        for (int64_t j = 0; j < keys; j++) {
            s[j] = kept[j] ? exp2(s[j] - max) / sum : 0;
        }
        for (int64_t d = 0; d < dim; d++) {
            double o = 0;
            for (int64_t j = 0; j < keys; j++) {
                o += s[j] * bf16(v[j * stride + head + d]);
            }
            near("attention", out[i * stride + head + d], o, 0x1p-8);
        }
        for (int64_t d = 0; d < head; d++) {
            near("beyond the head", isnan(out[i * stride + d]), 1, 0);
        }
    }
    for (int64_t j = 0; j < blocks; j++) {
        near("importance", overall[j], expected[j], 1e-4 * rows * (1 + spread * spread));
        if (j >= first) {
            near("isolated importance", isolated[j - first], expected_isolated[j], 1e-4 * rows * (1 + spread * spread));
        }
    }
    free_all();
}

int main(void) {
    exponentials();
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
    const int64_t dims[] = {2, 16, 31, 64, 96, 128, 200};
    for (int i = 0; i < 7; i++) {
        attention(sizes[i], sizes[7 - i], dims[i], 1 + i % 2, 1, 0);
        attention(i % 2 ? 128 : 97, 200 + i, dims[i], 2, 3, i % 2);
        attention(33 + i, 300 - i, dims[6 - i], 1, 30, 1); // shifts are raised
    }
    attention(40, 1100, 64, 1, 30, 0); // more than one chunk
    attention(70, 1300, 32, 1, 3, 1);
    puts("all right");
    return 0;
}
