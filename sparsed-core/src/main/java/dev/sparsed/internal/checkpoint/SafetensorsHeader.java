package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.JsonFiles.quoted;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import dev.sparsed.CheckpointException;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Checks a safetensors file and finds its tensors. Layout: the header's length (unsigned 64-bit, little-endian), the
 * header (a JSON object in UTF-8, padded with spaces), the data. The header maps each tensor's name to {@code {"dtype",
 * "shape", "data_offsets": [begin, end]}}, offsets counted from the start of the data, and may hold {@code
 * "__metadata__"}, strings by name. As in the reference implementation, the tensors must cover the data without overlap
 * and without holes.
 *
 * <p>The header is read as a stream of tokens straight from the mapping; time and memory are bounded by its size, at
 * most 100 MB.
 */
final class SafetensorsHeader {

    /** Longest header, in bytes; the reference implementation's limit. */
    static final long MAX_HEADER = 100_000_000;

    /** Most tensors in a file; the largest published models have 100,000 in all their shards. */
    static final int MAX_TENSORS = 1 << 18;

    /** Most extents of a shape; PyTorch's limit. */
    static final int MAX_RANK = 64;

    /** The text "version " with which a Git LFS pointer begins, read as a length. */
    private static final long LFS_POINTER = 0x206e6f6973726576L;

    private static final int PREFIX = Long.BYTES;
    private static final int MAX_DEPTH = 8;
    private static final String METADATA = "__metadata__";
    private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final JsonFactory FACTORY = JsonFiles.factory(MAX_DEPTH, Long.MAX_VALUE);
    private static final String SUPPORTED =
            Arrays.stream(DType.values()).map(DType::name).collect(Collectors.joining(", "));
    private static final Set<String> UNSUPPORTED = Set.of(
            "BOOL", "F4", "F6_E2M3", "F6_E3M2", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "I16", "U16", "I32", "U32",
            "C64", "F64", "U64");

    private final Path file;
    private final MemorySegment data;
    private final JsonParser parser;
    private final List<Entry> entries = new ArrayList<>();

    /** The tensor that is being read, for messages. */
    private @Nullable String tensor;

    private record Entry(String name, DType dtype, List<Long> shape, long begin, long end) {}

    private SafetensorsHeader(Path file, MemorySegment data, JsonParser parser) {
        this.file = file;
        this.data = data;
        this.parser = parser;
    }

    /**
     * Checks a whole file and finds its tensors.
     *
     * @param file its name, for messages
     * @param content all of it, 0 bytes and more
     * @return the tensors by name in the order of the header, their data slices of {@code content}; unmodifiable
     * @throws CheckpointException if anything in it breaks the format, or a tensor has a dtype that is not supported
     */
    static Map<String, HostTensor> parse(Path file, MemorySegment content) {
        long header = headerLength(file, content);
        MemorySegment data = content.asSlice(PREFIX + header);
        try (JsonParser parser =
                FACTORY.createParser(JsonFiles.strictUtf8(new SegmentStream(content.asSlice(PREFIX, header))))) {
            SafetensorsHeader reader = new SafetensorsHeader(file, data, parser);
            reader.readAll();
            return reader.tensors();
        } catch (IOException e) {
            throw new CheckpointException(file + ": cannot be read: " + e, e);
        }
    }

    private static long headerLength(Path file, MemorySegment content) {
        long size = content.byteSize();
        if (size < PREFIX) {
            throw new CheckpointException(
                    file + ": expected a safetensors file, at least " + PREFIX + " bytes, found " + size + " bytes");
        }
        long header = content.get(LENGTH, 0);
        if (header < 0 || header > size - PREFIX) {
            throw new CheckpointException(file + ": the header's length is " + Long.toUnsignedString(header)
                    + ", but only " + (size - PREFIX) + " bytes follow it: the file is truncated or not safetensors"
                    + (header == LFS_POINTER ? "; it is a Git LFS pointer, fetch the data with 'git lfs pull'" : ""));
        }
        if (header > MAX_HEADER) {
            throw new CheckpointException(
                    file + ": the header's length is " + header + ", expected at most " + MAX_HEADER);
        }
        if (header == 0 || content.get(ValueLayout.JAVA_BYTE, PREFIX) != '{') {
            throw new CheckpointException(file + ": expected a header that begins with '{', found "
                    + (header == 0 ? "an empty one" : "byte " + content.get(ValueLayout.JAVA_BYTE, PREFIX)));
        }
        return header;
    }

    private void readAll() {
        try {
            parser.nextToken(); // the '{' that is checked already
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (name.equals(METADATA)) {
                    skipMetadata();
                } else {
                    tensor = name;
                    entries.add(readEntry(name));
                    tensor = null;
                }
                if (entries.size() > MAX_TENSORS) {
                    throw wrong("expected at most " + MAX_TENSORS + " tensors, found more");
                }
            }
            if (parser.nextToken() != null) {
                throw wrong("expected nothing but spaces after the header's object, found " + found());
            }
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file + place() + ": expected a header in UTF-8, found other bytes", e);
        } catch (JsonProcessingException e) {
            String offset = e.getLocation() == null
                    ? ""
                    : " at character " + e.getLocation().getCharOffset();
            throw new CheckpointException(
                    file + place() + ": malformed JSON in the header" + offset + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new CheckpointException(file + place() + ": cannot be read: " + e, e);
        }
    }

    private void skipMetadata() throws IOException {
        expect(JsonToken.START_OBJECT, METADATA + " to be an object of strings");
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            parser.nextToken();
            expect(JsonToken.VALUE_STRING, METADATA + "'s " + quoted(name) + " to be a string");
        }
    }

    private Entry readEntry(String name) throws IOException {
        expect(JsonToken.START_OBJECT, "an object");
        DType dtype = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "dtype" -> dtype = readDType();
                case "shape" -> shape = readNumbers("shape", MAX_RANK);
                case "data_offsets" -> offsets = readNumbers("data_offsets", 2);
                default -> throw wrong("expected dtype, shape and data_offsets, found field " + quoted(field));
            }
        }
        if (dtype == null || shape == null || offsets == null) {
            String missing = dtype == null ? "dtype" : shape == null ? "shape" : "data_offsets";
            throw wrong("field '" + missing + "' is missing");
        }
        if (offsets.size() != 2) {
            throw wrong("data_offsets: expected two integers, found " + offsets);
        }
        Entry entry = new Entry(name, dtype, shape, offsets.getFirst(), offsets.getLast());
        checkSize(entry);
        return entry;
    }

    private DType readDType() throws IOException {
        expect(JsonToken.VALUE_STRING, "dtype to be a string");
        String name = parser.getText();
        for (DType dtype : DType.values()) {
            if (dtype.name().equals(name)) {
                return dtype;
            }
        }
        boolean known = UNSUPPORTED.contains(name);
        throw wrong((known ? "dtype " + name + " is not supported" : "unknown dtype " + quoted(name))
                + ", expected one of " + SUPPORTED);
    }

    private List<Long> readNumbers(String field, int most) throws IOException {
        expect(JsonToken.START_ARRAY, field + " to be an array of integers");
        List<Long> numbers = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            expect(JsonToken.VALUE_NUMBER_INT, field + " to be an array of integers");
            if (parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER || parser.getLongValue() < 0) {
                throw wrong(field + ": expected integers 0 ... " + Long.MAX_VALUE + ", found " + parser.getText());
            }
            if (numbers.size() == most) {
                throw wrong(field + ": expected at most " + most + " integers, found more");
            }
            numbers.add(parser.getLongValue());
        }
        return numbers;
    }

    private void checkSize(Entry entry) {
        long bytes = entry.dtype.bytes();
        for (long extent : entry.shape) {
            long low = bytes * extent;
            if (Math.multiplyHigh(bytes, extent) != 0 || low < 0) {
                throw wrong(entry.dtype + " of shape " + entry.shape + " has more than " + Long.MAX_VALUE + " bytes");
            }
            bytes = low;
        }
        String offsets = "data_offsets [" + entry.begin + ", " + entry.end + "]";
        if (entry.begin > entry.end) {
            throw wrong(offsets + ": the begin is after the end");
        }
        if (entry.end > data.byteSize()) {
            throw wrong(offsets + ": past the end, the file has " + data.byteSize()
                    + " bytes of data: it is truncated, fetch it again");
        }
        if (entry.end - entry.begin != bytes) {
            throw wrong(offsets + ": expected " + bytes + " bytes for " + entry.dtype + " of shape " + entry.shape
                    + ", found " + (entry.end - entry.begin));
        }
    }

    /** The tensors, after checking that they cover the data without overlap and without holes. */
    private Map<String, HostTensor> tensors() {
        List<Entry> byPlace = new ArrayList<>(entries);
        byPlace.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
        long covered = 0;
        for (int i = 0; i < byPlace.size(); i++) {
            Entry entry = byPlace.get(i);
            tensor = entry.name;
            if (entry.begin < covered) {
                throw wrong("data_offsets [" + entry.begin + ", " + entry.end + "] overlap those of tensor "
                        + quoted(byPlace.get(i - 1).name) + ", which end at " + covered);
            }
            if (entry.begin > covered) {
                throw wrong("data_offsets [" + entry.begin + ", " + entry.end + "] leave a hole: expected begin "
                        + covered);
            }
            covered = entry.end;
        }
        if (covered != data.byteSize()) {
            tensor = null;
            throw wrong("expected " + covered + " bytes of data, found " + data.byteSize());
        }
        Map<String, HostTensor> tensors = LinkedHashMap.newLinkedHashMap(entries.size());
        for (Entry entry : entries) {
            MemorySegment slice = data.asSlice(entry.begin, entry.end - entry.begin);
            tensors.put(entry.name, new HostTensor(entry.name, entry.dtype, entry.shape, slice));
        }
        return Collections.unmodifiableMap(tensors);
    }

    private void expect(JsonToken token, String expected) throws IOException {
        if (parser.currentToken() != token) {
            throw wrong("expected " + expected + ", found " + found());
        }
    }

    /** The current token in words; the text of scalars only where it is short by the parser's limits. */
    private String found() throws IOException {
        JsonToken token = parser.currentToken();
        return switch (token) {
            case null -> "the end of the header";
            case START_OBJECT -> "an object";
            case START_ARRAY -> "an array";
            case VALUE_STRING -> "a string";
            default -> quoted(parser.getText());
        };
    }

    private CheckpointException wrong(String problem) {
        return new CheckpointException(file + place() + ": " + problem);
    }

    private String place() {
        return tensor == null ? "" : ": tensor " + quoted(tensor);
    }

    /** The bytes of a segment of at most 2 GiB. */
    private static final class SegmentStream extends InputStream {

        private final ByteBuffer bytes;

        SegmentStream(MemorySegment segment) {
            bytes = segment.asByteBuffer();
        }

        @Override
        public int read() {
            return bytes.hasRemaining() ? Byte.toUnsignedInt(bytes.get()) : -1;
        }

        @Override
        public int read(byte[] into, int offset, int length) {
            if (length == 0) {
                return 0;
            }
            int count = Math.min(length, bytes.remaining());
            bytes.get(into, offset, count);
            return count == 0 ? -1 : count;
        }
    }
}
