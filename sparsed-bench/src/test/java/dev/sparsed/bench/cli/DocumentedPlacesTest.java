package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The files and headings that README and docs send a reader to are there. */
class DocumentedPlacesTest {

    private static final Pattern LINK = Pattern.compile("]\\((?!https?:)([^)#\\s]*)(?:#([^)\\s]*))?\\)");
    private static final Pattern HEADING = Pattern.compile("(?m)^#+ +(.*)$");

    /** The stops of the reading order: bold, with or without their folder. */
    private static final Pattern STOP = Pattern.compile("\\*\\*`([\\w/]+\\.java)`\\*\\*");

    @Test
    void everyLinkLeadsSomewhere() throws IOException {
        List<String> broken = new ArrayList<>();
        int links = 0;
        for (Path page : DocumentedPages.all()) {
            for (MatchResult link : matches(LINK, page)) {
                Path target = link.group(1).isEmpty() ? page : page.resolveSibling(link.group(1));
                String anchor = link.group(2);
                if (!Files.exists(target) || anchor != null && !anchors(target).contains(anchor)) {
                    broken.add(page.normalize() + ": " + link.group());
                }
                links++;
            }
        }
        assertThat(broken).isEmpty();
        assertThat(links).isGreaterThan(40);
    }

    @Test
    void everyStopOfTheReadingOrderIsAFile() throws IOException {
        Set<String> sources = new HashSet<>();
        for (String module : List.of("core", "cuda", "bench")) {
            try (Stream<Path> files =
                    Files.walk(DocumentedPages.ROOT.resolve("sparsed-" + module + "/src/main/java"))) {
                files.forEach(file -> sources.add(file.getFileName().toString()));
            }
        }
        List<String> stops = matches(STOP, DocumentedPages.ROOT.resolve("docs/reading-order.md")).stream()
                .map(stop -> stop.group(1))
                .toList();
        assertThat(stops)
                .hasSizeGreaterThan(20)
                .allSatisfy(stop ->
                        assertThat(sources).contains(Path.of(stop).getFileName().toString()));
        Path core = DocumentedPages.ROOT.resolve("sparsed-core/src/main/java/dev/sparsed");
        assertThat(stops.stream().filter(stop -> stop.contains("/")))
                .allSatisfy(stop -> assertThat(core.resolve(stop)).isRegularFile());
    }

    private static List<MatchResult> matches(Pattern pattern, Path page) throws IOException {
        return pattern.matcher(Files.readString(page)).results().toList();
    }

    /** As GitHub makes them of headings. */
    private static Set<String> anchors(Path page) throws IOException {
        Set<String> anchors = new HashSet<>();
        for (MatchResult heading : matches(HEADING, page)) {
            anchors.add(heading.group(1)
                    .strip()
                    .toLowerCase(Locale.ROOT)
                    .replaceAll("[^\\p{L}\\p{N} _-]", "")
                    .replace(' ', '-'));
        }
        return anchors;
    }
}
