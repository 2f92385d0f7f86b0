// AMX tiles: eight registers of 16 rows of 64 bytes. TILE_DOT(c, a, b): c[m][n] += sum over k of a[m][2k]·b[k][2n] + a[m][2k+1]·b[k][2n+1],
// bf16 in, f32 out: a row of b holds pairs that are neighbours along the summed dimension. TILE_DOT_INT8: the same with 8-bit integers, four
// neighbours, and 32-bit sums.
// With AMX_EMULATED the same operations in C, for tests and sanitizers on processors without AMX.
#pragma once
#include <stdint.h>

enum { TILE_ROWS = 16, TILE_BYTES = 1024, TILE_FLOATS = 256, TILE_BF16 = 512, TILE_DEPTH = 32, TILE_INT8_DEPTH = 64 };

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))

#ifdef AMX_EMULATED

#include <immintrin.h>
#include <string.h>

#define EMULATION static __attribute__((noinline)) void // inlined, they take the compiler a minute

static _Thread_local uint8_t tmm[8][TILE_ROWS][64] __attribute__((aligned(64)));

EMULATION tile_dot(int c, int a, int b) {
    for (int m = 0; m < TILE_ROWS; m++) {
        __m512 sums = _mm512_load_ps(tmm[c][m]);
        for (int k = 0; k < 16; k++) {
            uint32_t left;
            memcpy(&left, &tmm[a][m][4 * k], sizeof left);
            __m512i right = _mm512_load_si512(tmm[b][k]);
            __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(right, 16));
            __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(right, _mm512_set1_epi32((int)0xffff0000)));
            sums = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(left << 16))), even, sums);
            sums = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)(left & 0xffff0000))), odd, sums);
        }
        _mm512_store_ps(tmm[c][m], sums);
    }
}

EMULATION tile_dot_int8(int c, int a, int b) {
    for (int m = 0; m < TILE_ROWS; m++) {
        int32_t sums[16];
        memcpy(sums, tmm[c][m], sizeof sums);
        for (int k = 0; k < 64; k++) {
            for (int n = 0; n < 16; n++) {
                sums[n] += (int8_t)tmm[a][m][k] * (int8_t)tmm[b][k / 4][4 * n + k % 4];
            }
        }
        memcpy(tmm[c][m], sums, sizeof sums);
    }
}

EMULATION tile_load(int t, const void *from, int64_t stride) {
    for (int row = 0; row < TILE_ROWS; row++) {
        memcpy(tmm[t][row], (const uint8_t *)from + row * stride, 64);
    }
}

EMULATION tile_store(int t, void *to, int64_t stride) {
    for (int row = 0; row < TILE_ROWS; row++) {
        memcpy((uint8_t *)to + row * stride, tmm[t][row], 64);
    }
}

#define TILES_BEGIN() ((void)0)
#define TILES_END() ((void)0)
#define TILE_ZERO(t) memset(tmm[t], 0, TILE_BYTES)
#define TILE_LOAD(t, from, stride) tile_load(t, from, stride)
#define TILE_STREAM(t, from, stride) tile_load(t, from, stride)
#define TILE_STORE(t, to, stride) tile_store(t, to, stride)
#define TILE_DOT(c, a, b) tile_dot(c, a, b)
#define TILE_DOT_INT8(c, a, b) tile_dot_int8(c, a, b)

#else

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} __attribute__((aligned(64))) tile_config;

static const tile_config ALL_TILES = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

// Inline assembly, since gcc 12's intrinsics do not say that they read and write memory.
#define TILES_BEGIN() __asm__ volatile("ldtilecfg %0" ::"m"(ALL_TILES) : "memory")
#define TILES_END() __asm__ volatile("tilerelease" ::: "memory")
#define TILE_ZERO(t) __asm__ volatile("tilezero %%tmm" #t ::: "memory")
#define TILE_LOAD(t, from, stride) \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"(from), "r"((int64_t)(stride)) : "memory")
// The same, with the hint that the data will not be needed again soon, and need not displace what is in the first-level cache.
#define TILE_STREAM(t, from, stride) \
    __asm__ volatile("tileloaddt1 (%0,%1,1), %%tmm" #t ::"r"(from), "r"((int64_t)(stride)) : "memory")
#define TILE_STORE(t, to, stride) \
    __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(to), "r"((int64_t)(stride)) : "memory")
#define TILE_DOT(c, a, b) __asm__ volatile("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::: "memory")
#define TILE_DOT_INT8(c, a, b) __asm__ volatile("tdpbssd %%tmm" #b ", %%tmm" #a ", %%tmm" #c ::: "memory")

#endif
