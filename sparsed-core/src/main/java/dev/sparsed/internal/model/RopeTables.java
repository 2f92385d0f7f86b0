package dev.sparsed.internal.model;

/**
 * Cosines and sines of RoPE's angles {@code position · θ^(−2i/D)}, in float32 step by step as the reference code computes them: the
 * frequencies are rounded to float32, and so is their product with the position, before the cosine is taken.
 *
 * @param cos {@code [positions, headDim/2]}, row-major
 * @param sin {@code [positions, headDim/2]}, row-major
 */
record RopeTables(float[] cos, float[] sin) {

    /**
     * Computes the tables.
     *
     * @param positions rows, ≥ 1
     * @param headDim D, even
     * @param theta θ
     * @return the tables
     */
    static RopeTables of(int positions, int headDim, double theta) {
        int half = headDim / 2;
        float[] frequencies = new float[half];
        for (int i = 0; i < half; i++) {
            frequencies[i] = 1 / (float) Math.pow((float) theta, (float) (2 * i) / headDim);
        }
        float[] cos = new float[Math.multiplyExact(positions, half)];
        float[] sin = new float[cos.length];
        for (int position = 0; position < positions; position++) {
            for (int i = 0; i < half; i++) {
                float angle = position * frequencies[i];
                cos[position * half + i] = (float) Math.cos(angle);
                sin[position * half + i] = (float) Math.sin(angle);
            }
        }
        return new RopeTables(cos, sin);
    }
}
