package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;

class TerminalTest {

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aDumbTerminalIsNotRedrawn() {
        assertThat(File.separatorChar).isEqualTo('/');
        assertThat(Terminal.understandsAnsi(Map.of("TERM", "xterm-256color"))).isTrue();
        assertThat(Terminal.understandsAnsi(Map.of("TERM", "dumb"))).isFalse();
        assertThat(Terminal.understandsAnsi(Map.of())).isFalse();
    }

    @Test
    void respectsNoColor() {
        assertThat(detect("NO_COLOR", "1").colours()).isFalse();
        assertThat(detect("NO_COLOR", "").colours()).isTrue(); // as no-color.org has it: set and not empty
        assertThat(detect("LANG", "C").colours()).isTrue();
    }

    @Test
    void thinksTwiceBeforeItDrawsBoxes() {
        assertThat(Glyphs.UNICODE.fit(StandardCharsets.UTF_8)).isTrue();
        assertThat(Glyphs.UNICODE.fit(StandardCharsets.US_ASCII)).isFalse();
        assertThat(Glyphs.UNICODE.fit(Charset.forName("windows-1252"))).isFalse();
        assertThat(Glyphs.ASCII.fit(StandardCharsets.US_ASCII)).isTrue();
    }

    @Test
    void redrawsInPlaceAndGivesTheCursorBack() {
        StringWriter out = new StringWriter();
        try (LiveScreen screen = new LiveScreen(new PrintWriter(out))) {
            screen.draw(List.of("a", "b"));
            screen.draw(List.of("c"));
            screen.clear();
        }
        assertThat(out.toString())
                .isEqualTo("\033[?25l" + "\ra\033[K\nb\033[K\n\033[J" + "\033[2A\rc\033[K\n\033[J" + "\033[1A\r\033[J"
                        + "\033[?25h");
    }

    @Test
    void knowsWhatTheProcessorCanDo() {
        CpuFeatures intel = CpuFeatures.parse(List.of(
                "processor\t: 0",
                "model name\t: Some CPU @ 2.00GHz",
                "flags\t\t: fpu sse avx2 avx512f amx_tile",
                "",
                "processor\t: 1",
                "model name\t: Another",
                "flags\t\t: sve"));
        assertThat(intel).isEqualTo(new CpuFeatures("Some CPU @ 2.00GHz", List.of("avx2", "avx512f", "amx_tile")));
        CpuFeatures arm = CpuFeatures.parse(List.of("Features\t: fp asimd sve2"));
        assertThat(arm).isEqualTo(new CpuFeatures(System.getProperty("os.arch"), List.of("asimd", "sve2")));
        assertThat(CpuFeatures.parse(List.of()).features()).isEmpty();
    }

    private static Terminal detect(String variable, String value) {
        return Terminal.detect(Map.of(variable, value, "TERM", "xterm"), StandardCharsets.UTF_8);
    }
}
