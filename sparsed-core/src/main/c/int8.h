// Rows as 8-bit integers with a scale for each: x = scale·q, the scale a 127th of the row's largest magnitude, q rounded to nearest even.
#pragma once
#include "vectors.h"

// The scale of a row whose largest magnitude is `most`; what is no number makes it none.
INLINE float scale_of(__m512 most, __mmask16 nan) { return nan ? __builtin_nanf("") : _mm512_reduce_max_ps(most) / 127.0f; }

// What elements are multiplied with. A row of zeros, or one so small that this would be infinite, becomes zeros.
INLINE __m512 inverse_of(float scale) {
    float inverse = 1.0f / scale;
    return _mm512_set1_ps(inverse <= 3.4028235e38f ? inverse : 0.0f);
}

// 16 floats, less than 127.5 in magnitude, as 8-bit integers.
INLINE __m128i to_int8(__m512 x, __m512 inverse) { return _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, inverse))); }
