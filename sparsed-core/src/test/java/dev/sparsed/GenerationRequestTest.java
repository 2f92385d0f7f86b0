package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.GenerationRequest.Builder;
import dev.sparsed.diffusion.EvenSchedule;
import dev.sparsed.diffusion.Remasking;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class GenerationRequestTest {

    @Test
    void defaultsAreOneBlockAndOneTokenPerStep() {
        GenerationRequest request =
                GenerationRequest.builder().promptTokens(1, 2).genLength(64).build();
        assertThat(request.blockLength()).isEqualTo(64);
        assertThat(request.steps()).isEqualTo(64);
        assertThat(request.sampling().temperature()).isNull();
        assertThat(request.policy()).hasToString("dense");
    }

    private static Arguments refused(String field, String value, UnaryOperator<Builder> change) {
        return Arguments.of(field, value, change);
    }

    static Stream<Arguments> refusedRequests() {
        return Stream.of(
                refused("genLength", "0", b -> b.genLength(0)),
                refused("genLength", "-5", b -> b.genLength(-5)),
                refused("blockLength", "0", b -> b.blockLength(0)),
                refused("blockLength", "7", b -> b.genLength(32).blockLength(7)),
                refused("blockLength", "64", b -> b.genLength(32).blockLength(64)),
                refused("steps", "0", b -> b.steps(0)),
                refused("steps", "3", b -> b.genLength(32).blockLength(8).steps(3)),
                refused("steps", "6", b -> b.genLength(32).blockLength(8).steps(6)),
                refused("temperature", "NaN", b -> b.temperature(Double.NaN)),
                refused("temperature", "-1.0", b -> b.temperature(-1)),
                refused("temperature", "Infinity", b -> b.temperature(Double.POSITIVE_INFINITY)),
                refused("cfgScale", "NaN", b -> b.cfgScale(Double.NaN)),
                refused("cfgScale", "-0.5", b -> b.cfgScale(-0.5)),
                refused("topP", "0.0", b -> b.topP(0)),
                refused("topP", "1.1", b -> b.topP(1.1)),
                refused("topK", "0", b -> b.topK(0)),
                refused("algTemp", "-1.0", b -> b.algTemp(-1)),
                refused("eps", "0.0", b -> b.eps(0)),
                refused("eps", "1.0", b -> b.eps(1)),
                refused("threshold", "1.5", b -> b.threshold(1.5)),
                refused("factor", "NaN", b -> b.factor(Double.NaN)),
                refused("entropyBound", "-1.0", b -> b.entropyBound(-1)),
                refused(
                        "commitRule",
                        "Factor[factor=1.0]",
                        b -> b.threshold(0.9).factor(1)),
                refused("remasking", "ORIGIN", b -> b.alg(Remasking.ORIGIN).threshold(0.9)),
                refused("remasking", "ORIGIN", b -> b.alg(Remasking.ORIGIN).entropyBound(0.1)),
                refused("remasking", "ORIGIN", b -> b.alg(Remasking.ORIGIN).commitRule(new EvenSchedule())),
                refused("remasking", "ENTROPY", b -> b.alg(Remasking.ENTROPY).threshold(0.9)),
                refused(
                        "remasking",
                        "RANDOM",
                        b -> b.remasking(Remasking.RANDOM).factor(1)),
                refused("algTemp", "0.5", b -> b.algTemp(0.5).threshold(0.9)),
                refused("algTemp", "0.5", b -> b.algTemp(0.5).entropyBound(0.1)),
                refused("algTemp", "0.5", b -> b.algTemp(0.5).alg(Remasking.ORIGIN)),
                refused("logitBias", "3: Infinity", b -> b.logitBias(3, Double.POSITIVE_INFINITY)),
                refused("expectedSteps", "0", b -> b.expectedSteps(0)),
                refused("expectedSteps", "9", b -> b.expectedSteps(9)),
                refused("cacheInterval", "0", b -> b.cacheInterval(0)),
                refused("cacheInterval", "4", b -> b.cacheInterval(4)),
                refused("infill", "2 tokens", b -> b.infill(3, 4)),
                refused(
                        "genLength",
                        "9",
                        b -> b.infill(3, GenerationRequest.MASK).genLength(9)),
                refused(
                        "stopAtEos",
                        "true",
                        b -> b.infill(GenerationRequest.MASK, 3).stopAtEos(true)),
                refused(
                        "stopTokens",
                        "[5]",
                        b -> b.infill(GenerationRequest.MASK, 3).stopTokens(5)),
                refused(
                        "stopStrings",
                        "[x]",
                        b -> b.infill(GenerationRequest.MASK, 3).stopStrings("x")),
                refused("stopStrings", "\"\"", b -> b.stopStrings("a", "")),
                refused("prompt", "2 given", b -> b.user("hello")),
                refused("prompt", "2 given", b -> b.rawPrompt("hello")),
                refused("assistantPrefix", "Well", b -> b.assistantPrefix("Well")));
    }

    @ParameterizedTest(name = "{0} = {1}")
    @MethodSource("refusedRequests")
    void refusalsNameFieldAndValue(String field, String value, UnaryOperator<Builder> change) {
        assertThatThrownBy(() -> change.apply(GenerationRequest.builder().promptTokens(1, 2))
                        .build())
                .isInstanceOfSatisfying(
                        InvalidRequestException.class,
                        e -> assertThat(e.field()).isEqualTo(field))
                .hasMessageStartingWith(field + " = " + value + ": ");
    }

    @Test
    void messagesStayInTheirOrder() {
        GenerationRequest request = GenerationRequest.builder()
                .system("Be brief.")
                .user("Why?")
                .message(ChatMessage.assistant("Because."))
                .user("Why not?")
                .build();
        assertThat(request.messages())
                .containsExactly(
                        new ChatMessage("system", "Be brief."),
                        new ChatMessage("user", "Why?"),
                        new ChatMessage("assistant", "Because."),
                        new ChatMessage("user", "Why not?"));
    }

    @Test
    void needsAPrompt() {
        assertThatThrownBy(() -> GenerationRequest.builder().build())
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining("exactly one of messages, rawPrompt and promptTokens");
    }

    @Test
    void keepsNoReferenceToTheCallersArray() {
        int[] prompt = {1, 2, 3};
        GenerationRequest request =
                GenerationRequest.builder().promptTokens(prompt).build();
        prompt[0] = 9;
        request.promptTokens().orElseThrow()[1] = 9;
        assertThat(request.promptTokens())
                .hasValueSatisfying(tokens -> assertThat(tokens).containsExactly(1, 2, 3));
    }
}
