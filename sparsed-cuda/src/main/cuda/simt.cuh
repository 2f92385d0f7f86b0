// What the attention kernels without tensor cores share.
#pragma once
#include "activation.cuh"
#include <math_constants.h>

constexpr int TILE = 32;          // query rows, and keys at a time
constexpr int ROWS_PER_WARP = 8;

template <typename T>
__device__ void load_tile(const T* from, int first, int count, int stride, int head_dim, float* to, int to_stride) {
    for (int i = threadIdx.x; i < TILE * head_dim; i += blockDim.x) {
        int row = i / head_dim, column = i % head_dim;
        to[row * to_stride + column] = row < count ? to_float(from[static_cast<size_t>(first + row) * stride + column]) : 0.f;
    }
}
