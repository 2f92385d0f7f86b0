package dev.sparsed.bench.quality;

/** How an answer is compared with the expected one; the names are those of the task files, in lower case there. */
public enum AnswerMode {
    /** The same string. */
    EXACT,
    /** The same numbers in the same order, whatever stands between them. */
    NUMS,
    /** The same numbers in any order, whatever stands between them. */
    NUMSET,
    /** The same names, separated by comma and space, in the same order. */
    LIST,
    /** The same names, separated by comma and space, in any order. */
    SET,
    /** Any completion of the puzzle that is right. */
    SUDOKU
}
