package dev.sparsed.bench.cli;

/** How many columns of a terminal a character takes (after Unicode's East Asian Width, UAX #11). */
final class CharacterWidth {

    /** First and last code points of wide characters, ascending. */
    private static final int[] WIDE = {
        0x1100, 0x115F, // Hangul Jamo
        0x2E80, 0x303E, // CJK radicals and punctuation
        0x3041, 0xA4CF, // kana to Yi
        0xA960, 0xA97F, // Hangul Jamo extended
        0xAC00, 0xD7A3, // Hangul syllables
        0xF900, 0xFAFF, // CJK compatibility
        0xFE30, 0xFE6F, // CJK compatibility forms
        0xFF00, 0xFF60, // fullwidth forms
        0xFFE0, 0xFFE6,
        0x1F300, 0x1F64F, // pictographs
        0x1F680, 0x1F6FF, // transport
        0x1F900, 0x1F9FF, // supplementary pictographs
        0x20000, 0x3FFFD // CJK extensions
    };

    private CharacterWidth() {}

    /**
     * The width of a character.
     *
     * @param character a code point, no control character
     * @return 0 for combining marks, 2 for wide characters, else 1
     */
    static int of(int character) {
        int type = Character.getType(character);
        if (type == Character.NON_SPACING_MARK || type == Character.ENCLOSING_MARK) {
            return 0;
        }
        for (int i = 0; i < WIDE.length; i += 2) {
            if (character >= WIDE[i] && character <= WIDE[i + 1]) {
                return 2;
            }
        }
        return 1;
    }
}
