package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The page without a browser. */
class ReportPageTest {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Whatever could end a script element, a string or the page, or stand for something in the template. */
    private static final String HOSTILE =
            "</script><script>alert(1)</script> <!-- <b>\"'`\\ &lt; ${1} $1 \n@data@\n \u2028\u2029\u0000\ud800 \u202e]]> 语 \ud83e\udd9b";

    private static final Pattern DATA =
            Pattern.compile("(?s)<script type=\"application/json\" id=\"data\">\n(.*?)</script>");

    /** The data as a browser's HTML parser delimits it: up to the first end tag. */
    static JsonNode data(String page) throws IOException {
        Matcher data = DATA.matcher(page);
        assertThat(data.find()).isTrue();
        return JSON.readTree(data.group(1));
    }

    private static long count(String text, String part) {
        return Pattern.compile(Pattern.quote(part), Pattern.CASE_INSENSITIVE)
                .matcher(text)
                .results()
                .count();
    }

    @Test
    void hostileTextStaysText() throws IOException {
        ObjectNode hostile = JSON.createObjectNode().put("title", HOSTILE);
        hostile.putObject("study").put("prompt", HOSTILE).putArray("canvas").add(HOSTILE);
        String page = ReportPage.html(hostile);
        assertThat(data(page)).isEqualTo(hostile);
        String harmless = ReportPage.html(JSON.createObjectNode());
        for (String part : new String[] {"<script", "</script", "<!--", "<b>"}) {
            assertThat(count(page, part)).as(part).isEqualTo(count(harmless, part));
        }
        assertThat(page.lines().filter(line -> line.startsWith("{")).findFirst().orElseThrow())
                .matches("\\p{ASCII}*");
    }

    @Test
    void isCompleteAndLoadsNothing() {
        String page = ReportPage.html(JSON.createObjectNode().put("title", "t"));
        assertThat(page).doesNotContainPattern("(?m)^@\\S+@$").hasSizeLessThan(1_000_000);
        assertThat(page)
                .contains("default-src 'none'; img-src data:; script-src 'unsafe-inline'; style-src 'unsafe-inline'");
        String markup = page.replaceAll("(?s)<script.*?</script>", "");
        assertThat(Pattern.compile("(?i)(src|href|action|srcset)\\s*=\\s*\"(?!data:)|@import|url\\(|https?://")
                        .matcher(markup)
                        .results())
                .isEmpty();
        assertThat(count(page, "<script src")).isZero();
    }

    /** Their licences travel with them. */
    @Test
    void namesTheLibrariesInside() throws IOException {
        String page = ReportPage.html(JSON.createObjectNode());
        assertThat(page).contains("d3js.org v7.9.0 Copyright", "@observablehq/plot v0.6.17 Copyright");
        try (InputStream licenses = ReportPage.class.getResourceAsStream("lib/LICENSES.txt")) {
            assertThat(new String(licenses.readAllBytes(), StandardCharsets.UTF_8))
                    .contains("Observable Plot 0.6.17", "D3 7.9.0", "Permission to use, copy, modify", "MIT License");
        }
    }
}
