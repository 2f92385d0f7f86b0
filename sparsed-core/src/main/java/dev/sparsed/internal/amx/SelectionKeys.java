package dev.sparsed.internal.amx;

import dev.sparsed.attention.BlockLayout;

/** The keys of a canvas by block: those before the first generation block, and the others, whose slots begin at 0 again. */
final class SelectionKeys {

    private final KeyGroups prompt = new KeyGroups();
    private final KeyGroups generation = new KeyGroups();

    SelectionKeys(BlockLayout layout) {
        int first = layout.firstGenerationBlock();
        prompt.clear(layout.canvasLength(), layout.blocks());
        generation.clear(layout.canvasLength(), layout.blocks());
        for (int block = 0; block < layout.blocks(); block++) {
            (block < first ? prompt : generation)
                    .add(layout.start(block), layout.end(block), block < first ? block : block - first);
        }
    }

    /** {@return prompt keys; the slot is the block} */
    KeyGroups prompt() {
        return prompt;
    }

    /** {@return generation keys; the slot is the block less the first generation block} */
    KeyGroups generation() {
        return generation;
    }
}
