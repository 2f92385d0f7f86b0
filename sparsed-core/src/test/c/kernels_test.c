// Runs the kernels on emulated tiles at awkward sizes against sums in double; those of attention, and the exponential, are here.
//   gcc -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -DAMX_EMULATED -mavx512f ... -o kernels_test *.c kernels_test.c products_test.c -lm
#include "kernels_test.h"

void sparsed_pack_keys(const float *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, uint8_t *, int64_t);
void sparsed_pack_values(const float *, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, uint8_t *, int64_t);
void sparsed_attention(
        const float *, int64_t, float, const uint16_t *, const uint16_t *, const entry *, const tile *, int64_t, int64_t, int64_t, float *,
        int64_t, float *, float *, uint8_t *, block_sums *);
void sparsed_importance(const block_sums *, int64_t, int64_t, uint8_t *, int64_t, int64_t, int64_t, double *, double *);

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

enum { MOST_TILES = 8 };

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
    uint8_t *kept = zeros(keys), *scratch = aligned(MOST_TILES * (side_of(0, depth, 1) - (uint8_t *)0));
    int64_t head_bytes = groups * depth * 2 * TILE_BYTES, count;
    uint8_t *packed_k = aligned(heads * head_bytes), *packed_v = aligned(heads * head_bytes);
    entry *list = list_of(keys, some, kept, &count);
    float *out = zeros(rows * stride * 4), *shifts = aligned(MOST_TILES * LANES * 4), *sums = aligned(MOST_TILES * LANES * 4);
    float scale = (float)(1 / log(2) / sqrt((double)dim));
    float *shifts_again = aligned(MOST_TILES * LANES * 4), *sums_again = aligned(MOST_TILES * LANES * 4);
    int64_t blocks = tiles(groups, 2), first = blocks / 2, from = rows / 3; // queries from … rows - 1 have their weights added up
    block_sums *by_block = aligned(blocks * sizeof(block_sums)), *by_tile = aligned(MOST_TILES * blocks * sizeof(block_sums));
    double *overall = zeros(blocks * 8), *isolated = zeros((blocks - first) * 8), *s = zeros(keys * 8);
    double *expected = zeros(blocks * 8), *expected_isolated = zeros(blocks * 8);
    memset(out, 0xff, rows * stride * 4);
    sparsed_pack_keys(k, 0, stride, keys, heads, dim, 0, groups / 2, packed_k, head_bytes);
    sparsed_pack_keys(k, 0, stride, keys, heads, dim, groups / 2, groups, packed_k, head_bytes);
    sparsed_pack_values(v, 0, stride, keys, heads, dim, 0, groups / 2, packed_v, head_bytes);
    sparsed_pack_values(v, 0, stride, keys, heads, dim, groups / 2, groups, packed_v, head_bytes);
    const uint16_t *all_k = (uint16_t *)packed_k, *all_v = (uint16_t *)packed_v;
    int64_t own = (heads - 1) * head_bytes / 2, half = count / 2, size = tiles(rows, MOST_TILES);
    float *again = zeros(rows * stride * 4);
    memset(again, 0xff, rows * stride * 4);
    tile cut[MOST_TILES];
    for (int some_keys = 0; some_keys < 2; some_keys++) { // tiles that come back with the other half of the list
        if (count == 1 && some_keys == 0) continue;
        int64_t tile_count = 0;
        for (int64_t row = 0; row < rows; row += size, tile_count++) {
            int64_t least = rows - row < size ? rows - row : size;
            cut[tile_count] = (tile){.rows = least, .query = row * stride + head, .out = row * stride + head, .head = own,
                                     .list = some_keys ? half : 0, .count = some_keys ? count - half : half,
                                     .begins = count == 1 || !some_keys, .ends = some_keys, .side = tile_count, .index = tile_count,
                                     .blocks = tile_count * blocks};
        }
        sparsed_attention(q, stride, scale, all_k, all_v, list, cut, tile_count, head, dim, again, stride, shifts, sums, scratch, by_tile);
    }
    tile whole = {.rows = rows, .query = head, .out = head, .head = own, .count = count, .begins = 1, .ends = 1};
    sparsed_attention(q, stride, scale, all_k, all_v, list, &whole, 1, head, dim, out, stride, shifts, sums, scratch, by_block);
    sparsed_importance(by_block, blocks, first, scratch, dim, from, rows, overall, isolated);
    near("the same in several tiles, some keys at a time", memcmp(out, again, rows * stride * 4), 0, 0);
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t e = 0; e < count; e++) {
            const block_sums *a = by_block + list[e].block, *b = by_tile + i / size * blocks + list[e].block;
            near("shift by block", b->shift[i % size], a->shift[i], 0);
            near("sum by block", b->sum[i % size], a->sum[i], 0);
        }
    }
    memset(again, 0xff, rows * stride * 4);
    for (int64_t i = 0; i * size < rows; i++) { // two sides in turn
        cut[i].list = 0;
        cut[i].count = i % 2 ? count : tiles(count, 2); // some lists are shorter
        cut[i].begins = cut[i].ends = 1;
        cut[i].side = i % 2;
    }
    sparsed_attention(
            q, stride, scale, all_k, all_v, list, cut, tiles(rows, size), head, dim, again, stride, shifts_again, sums_again, scratch, 0);
    for (int64_t i = 0; i < rows; i++) {
        int same = memcmp(out + i * stride + head, again + i * stride + head, dim * 4) == 0;
        near("the same beside tiles with other lists, without sums by block", same || (i / size % 2 == 0 && count > 1), 1, 0);
    }
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
    test_products();
    const int64_t sizes[] = {1, 3, 7, 16, 17, 31, 33, 65};
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
