package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.GenerationRequest.Builder;
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
        assertThat(request.temperature()).isZero();
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
