package dev.sparsed.bench.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The page: everything in one file that loads nothing. */
public final class ReportPage {

    /** ASCII only: no character of a prompt can end the script element, and none needs an encoding. */
    private static final JsonMapper JSON =
            JsonMapper.builder().enable(JsonWriteFeature.ESCAPE_NON_ASCII).build();

    /** A line of the template that stands for a resource or for the data. */
    private static final Pattern INSERT = Pattern.compile("(?m)^@(\\S+)@$");

    private ReportPage() {}

    /**
     * Writes the page.
     *
     * @param title its heading
     * @param quality outcomes of many tasks, null for none
     * @param study one prompt, null for none
     * @return HTML
     */
    public static String html(String title, @Nullable QualityChart quality, @Nullable PromptStudy study) {
        ObjectNode data = JSON.createObjectNode().put("title", title);
        if (quality != null) {
            data.set("quality", quality.json());
        }
        if (study != null) {
            data.set("study", StudyJson.of(study));
        }
        return html(data);
    }

    /**
     * {@return the page with the given data}
     *
     * @param data what the script shows
     */
    static String html(ObjectNode data) {
        Matcher inserts = INSERT.matcher(resource("report.html"));
        return inserts.replaceAll(insert ->
                Matcher.quoteReplacement(insert.group(1).equals("data") ? embedded(data) : resource(insert.group(1))));
    }

    /** In JSON a '<' occurs within strings alone, where it may be written as an escape; so nothing can look like a tag. */
    private static String embedded(ObjectNode data) {
        try {
            return JSON.writeValueAsString(data).replace("<", "\\u003c");
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a tree of JSON nodes can always be written", e);
        }
    }

    private static String resource(String name) {
        try (InputStream in = ReportPage.class.getResourceAsStream(name)) {
            if (in == null) {
                throw new IllegalStateException(name + " is not on the class path; build sparsed-bench again");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8).stripTrailing();
        } catch (IOException e) {
            throw new UncheckedIOException(name + ": cannot be read: " + e.getMessage(), e);
        }
    }
}
