// Bits of a block pattern -> lists of kept key blocks. Grid: (query blocks, query heads). Block: 32 threads. No shared memory.
// words: [heads, blocks, words_per_row] of 32 bits, kept: [heads, blocks, blocks], ascending, kept_count: [heads, blocks].
extern "C" __global__ void pattern_lists(const unsigned* words, unsigned short* kept, int* kept_count, int blocks, int words_per_row) {
    size_t row = static_cast<size_t>(blockIdx.y) * blocks + blockIdx.x;
    int lane = threadIdx.x, count = 0;
    for (int base = 0; base < blocks; base += 32) {
        unsigned word = words[row * words_per_row + base / 32];
        if (word >> lane & 1) kept[row * blocks + count + __popc(word & ((1u << lane) - 1))] = base + lane;
        count += __popc(word);
    }
    if (lane == 0) kept_count[row] = count;
}
