// The scale that makes a largest magnitude e4m3's largest value, 448 (arXiv 2209.05433).
#pragma once

constexpr float E4M3_MAX = 448.f;
// Nothing larger means zeros: the inverse of the scale would not be finite.
constexpr float NEGLIGIBLE = 1e-30f;

__device__ __forceinline__ float e4m3_scale(float largest) { return largest > NEGLIGIBLE ? largest / E4M3_MAX : 1.f; }
