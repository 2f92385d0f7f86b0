// What the tests of the kernels share. Every buffer ends at a page that cannot be touched: the sanitizer does not see what masked vector
// instructions read and write.
#pragma once
#include "scores.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Linear layers and MLPs: products_test.c.
void test_products(void);

static uint64_t seed = 1;

static inline float uniform(void) { // -1 … 1
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(seed >> 32) * 0x1p-31f;
}

static inline float bf16(float x) { // round to nearest even
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
static inline void *zeros(int64_t bytes) {
    int64_t page = 4096, whole = (bytes + page - 1) / page * page;
    uint8_t *memory = mmap(0, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + whole, page, PROT_NONE) || mappings == 64) {
        abort();
    }
    mapped[mappings].begin = memory;
    mapped[mappings++].bytes = whole + page;
    return memory + whole - bytes;
}

static inline void free_all(void) {
    while (mappings > 0) {
        mappings--;
        munmap(mapped[mappings].begin, mapped[mappings].bytes);
    }
}

static inline void *aligned(int64_t bytes) { return memset(zeros(bytes), 0xff, bytes); } // NaN

static inline float *floats(int64_t count, float spread) {
    float *values = zeros(count * 4);
    for (int64_t i = 0; i < count; i++) {
        values[i] = spread * uniform();
    }
    return values;
}

static inline void near(const char *what, double actual, double expected, double bound) {
    if (!(fabs(actual - expected) <= bound)) {
        fprintf(stderr, "%s: %.9g, expected %.9g within %.3g\n", what, actual, expected, bound);
        exit(1);
    }
}

static inline int64_t tiles(int64_t count, int64_t size) { return (count + size - 1) / size; }
