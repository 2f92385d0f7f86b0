package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.CheckpointFiles.assertRejected;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.entry;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.header;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.mappingsOf;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.safetensors;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a safetensors header may say about a tensor. */
class SafetensorsEntryTest {

    @TempDir
    Path folder;

    @AfterEach
    void nothingStaysMapped() {
        assertThat(mappingsOf(folder)).isEmpty();
    }

    private void rejected(String header, int dataBytes, String... parts) {
        assertRejected(folder.resolve("weights.safetensors"), safetensors(header, dataBytes), parts);
    }

    @Test
    void rejectsDuplicateTensors() {
        rejected(header(entry("a", "U8", "[1]", 0, 1), entry("a", "U8", "[1]", 1, 2)), 2, "Duplicate", "'a'");
        rejected(header("\"__metadata__\":{}", "\"__metadata__\":{}"), 0, "Duplicate", "__metadata__");
    }

    @ParameterizedTest
    @ValueSource(strings = {"\"dtype\":\"U8\"", "\"shape\":[1]", "\"data_offsets\":[0,1]"})
    void rejectsDuplicateFields(String field) {
        String tensor = "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]," + field + "}}";
        rejected(tensor, 1, "'a'", "Duplicate");
    }

    @Test
    void rejectsUnknownAndMissingFields() {
        rejected(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"stride\":[1]}}", 1, "'a'", "'stride'");
        rejected("{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "'a'", "'dtype' is missing");
        rejected("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1, "'a'", "'shape' is missing");
        rejected("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, "'a'", "'data_offsets' is missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1", "[]", "\"x\"", "null"})
    void rejectsEntriesThatAreNoObject(String value) {
        rejected("{\"a\":" + value + "}", 0, "'a'", "expected an object");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "BOOL", "F4", "F6_E2M3", "F6_E3M2", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "I16", "U16", "I32", "U32",
                "C64", "F64", "U64"
            })
    void rejectsDTypesItDoesNotSupport(String dtype) {
        rejected(
                header(entry("a", dtype, "[8]", 0, 8)),
                8,
                "'a'",
                "dtype " + dtype + " is not supported",
                "F32, F16, BF16, I64, U8");
    }

    @ParameterizedTest
    @ValueSource(strings = {"f32", "", "F32 ", "FLOAT"})
    void rejectsUnknownDTypes(String dtype) {
        rejected(header(entry("a", dtype, "[2]", 0, 8)), 8, "'a'", "unknown dtype '" + dtype + "'");
    }

    @Test
    void rejectsDTypesThatAreNoString() {
        rejected("{\"a\":{\"dtype\":32,\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "'a'", "dtype", "'32'");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[-1]",
                "[9223372036854775808]",
                "[18446744073709551616]",
                "[1.0]",
                "[1e3]",
                "[\"1\"]",
                "[null]",
                "[[1]]",
                "{}",
                "1",
                "null",
                "[true]"
            })
    void rejectsShapesThatAreNoExtents(String shape) {
        rejected(header(entry("a", "U8", shape, 0, 1)), 1, "'a'", "shape");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[9223372036854775807]",
                "[4294967296,4294967296]",
                "[2147483648,2147483648,2]",
                "[4611686018427387904,4,0]",
                "[3037000500,3037000500]"
            })
    void rejectsShapesThatOverflow(String shape) {
        rejected(header(entry("a", "BF16", shape, 0, 0)), 0, "'a'", "more than 9223372036854775807 bytes");
    }

    @Test
    void rejectsShapesOfTooManyExtents() {
        String shape = "[1" + ",1".repeat(64) + "]";
        rejected(header(entry("a", "U8", shape, 0, 1)), 1, "'a'", "at most 64");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[]",
                "[0]",
                "[0,1,1]",
                "[0.0,1]",
                "[0,\"1\"]",
                "[-1,0]",
                "[0,-1]",
                "[0,18446744073709551615]",
                "{}",
                "0",
                "null",
                "[0,[1]]"
            })
    void rejectsOffsetsThatAreNotTwoIntegers(String offsets) {
        rejected("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":" + offsets + "}}", 1, "'a'", "data_offsets");
    }

    @Test
    void rejectsOffsetsOutOfRange() {
        rejected(header(entry("a", "U8", "[2]", 2, 0)), 2, "'a'", "[2, 0]", "after the end");
        rejected(header(entry("a", "U8", "[3]", 0, 3)), 2, "'a'", "[0, 3]", "past the end", "2 bytes of data");
        rejected(
                header(entry("a", "U8", "[1]", Long.MAX_VALUE - 1, Long.MAX_VALUE)),
                2,
                "'a'",
                "past the end",
                "2 bytes");
    }

    @ParameterizedTest
    @CsvSource({"F32, 8", "F16, 4", "BF16, 4", "I64, 16", "U8, 2"})
    void rejectsSizesThatAreNotDTypeTimesShape(String dtype, int bytes) {
        for (int size : new int[] {0, bytes - 1, bytes + 1, 2 * bytes}) {
            rejected(
                    header(entry("a", dtype, "[2]", 0, size)),
                    size,
                    "'a'",
                    "expected " + bytes + " bytes for " + dtype + " of shape [2], found " + size);
        }
    }

    @Test
    void rejectsOverlaps() {
        rejected(header(entry("a", "U8", "[4]", 0, 4), entry("b", "U8", "[4]", 3, 7)), 7, "'b'", "overlap", "'a'");
        rejected(header(entry("a", "U8", "[4]", 0, 4), entry("b", "U8", "[4]", 0, 4)), 4, "overlap");
        rejected(header(entry("b", "U8", "[2]", 1, 3), entry("a", "U8", "[4]", 0, 4)), 4, "'b'", "overlap", "'a'");
        rejected(header(entry("a", "U8", "[4]", 0, 4), entry("b", "U8", "[0]", 2, 2)), 4, "'b'", "overlap", "'a'");
    }

    @Test
    void rejectsHoles() {
        rejected(header(entry("a", "U8", "[3]", 1, 4)), 4, "'a'", "hole", "expected begin 0");
        rejected(header(entry("a", "U8", "[2]", 0, 2), entry("b", "U8", "[1]", 3, 4)), 4, "'b'", "hole", "begin 2");
        rejected(header(entry("a", "U8", "[2]", 0, 2)), 3, "expected 2 bytes of data, found 3");
        rejected("{}", 1, "expected 0 bytes of data, found 1");
    }
}
