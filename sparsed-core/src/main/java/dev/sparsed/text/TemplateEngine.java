package dev.sparsed.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.loader.ResourceLocator;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Jinjava, set up to render like Python's Jinja and to withstand a hostile template: with bounds on time, size and
 * nesting. What a template may say at all is {@link TemplateDialect}'s.
 */
final class TemplateEngine {

    /**
     * Python's rules where Jinjava has two. Not set: {@code whitespaceRequiredWithinTokens}, with which
     * <code>{%-</code> is text, and {@code usePyishObjectMapper}, which writes control characters as escapes.
     */
    private static final LegacyOverrides LIKE_PYTHON = LegacyOverrides.newBuilder()
            .withEvaluateMapKeys(true)
            .withIterateOverMapKeys(true)
            .withUseNaturalOperatorPrecedence(true)
            .withParseWhitespaceControlStrictly(true)
            .withAllowAdjacentTextNodes(true)
            .withUseTrimmingForNotesAndExpressions(true)
            .withKeepNullableLoopValues(true)
            .withHandleBackslashInQuotesOnly(true)
            .build();

    /** Elements of a list or a map that a template makes. */
    private static final int MAX_ELEMENTS = 10_000;

    private static final int MAX_RANGE = 1000;

    /** Chars of output, beyond four times the messages' own. */
    private static final long MAX_OUTPUT = 1 << 20;

    /** Rendered template nodes: so many, and so many per message. Real templates render some 5 to 20 per message. */
    private static final int MAX_NODES = 20_000;

    private static final int MAX_NODES_PER_MESSAGE = 500;

    /**
     * Open parentheses and brackets, those of plain text too: the parser's time grows with the third power. Real ones
     * have up to 5.
     */
    private static final int MAX_BRACKETS = 50;

    private final Path file;
    private final String template;
    private final Jinjava jinjava;

    /**
     * Sets Jinjava up.
     *
     * @param file where the template is from, for messages
     * @param template its source
     * @throws CheckpointException if its brackets are nested too deeply
     */
    TemplateEngine(Path file, String template) {
        this.file = file;
        this.template = template.endsWith("\n") ? template.substring(0, template.length() - 1) : template;
        checkNesting(file, this.template);
        jinjava = new Jinjava(config(new TemplateBudget(Integer.MAX_VALUE), MAX_OUTPUT, Map.of()));
        jinjava.setResourceLocator(new NoFiles());
        TemplateDialect.register(jinjava, file, this.template);
    }

    /** Rejects a template that the parser would not be done with in any time. */
    private static void checkNesting(Path file, String template) {
        int depth = 0;
        for (int i = 0; i < template.length(); i++) {
            char c = template.charAt(i);
            if (c == '(' || c == '[') {
                depth++;
            } else if (c == ')' || c == ']') {
                depth = Math.max(0, depth - 1);
            }
            if (depth > MAX_BRACKETS) {
                throw new CheckpointException(file + ": the chat template has more than " + MAX_BRACKETS
                        + " parentheses or brackets inside each other at character " + i);
            }
        }
    }

    private JinjavaConfig config(TemplateBudget budget, long maxOutput, Map<Library, Set<String>> without) {
        return JinjavaConfig.newBuilder()
                .withTrimBlocks(true)
                .withLstripBlocks(true)
                .withKeepTrailingNewline(true)
                .withLegacyOverrides(LIKE_PYTHON)
                .withEnableFilterChainOptimization(true) // reports unknown filters, which are else left out in silence
                .withNestedInterpretationEnabled(false) // else a message's {{ … }} would be run
                .withElResolver(new TemplateResolver(maxOutput))
                .withDisabled(without)
                .withEnableRecursiveMacroCalls(false)
                .withMaxRenderDepth(10)
                .withMaxOutputSize(maxOutput)
                .withMaxStringLength(maxOutput)
                .withMaxListSize(MAX_ELEMENTS)
                .withMaxMapSize(MAX_ELEMENTS)
                .withRangeLimit(MAX_RANGE)
                .withProcessors(JinjavaProcessors.newBuilder()
                        .withNodePreProcessor((node, interpreter) -> budget.spend())
                        .build())
                .build();
    }

    /**
     * Renders a chat.
     *
     * @param messages the chat
     * @param addGenerationPrompt the template's variable of that name
     * @param specialTokens the template's other variables
     * @return the text
     * @throws IllegalArgumentException if the template rejects the messages
     * @throws CheckpointException if it is malformed or passes a limit
     */
    String render(List<ChatMessage> messages, boolean addGenerationPrompt, Map<String, String> specialTokens) {
        long chars = 0;
        List<Object> list = new ArrayList<>();
        for (ChatMessage message : messages) {
            chars += message.role().length() + message.content().length();
            Map<String, Object> map = new HashMap<>();
            map.put("role", message.role());
            map.put("content", message.content());
            list.add(map);
        }
        if (list.size() > MAX_ELEMENTS) {
            throw new IllegalArgumentException(
                    "messages: " + list.size() + " are too many, the most is " + MAX_ELEMENTS);
        }
        Map<String, Object> variables = new HashMap<>(specialTokens);
        variables.put("messages", list);
        variables.put("add_generation_prompt", addGenerationPrompt);
        TemplateBudget budget = new TemplateBudget(MAX_NODES + MAX_NODES_PER_MESSAGE * list.size());
        RenderResult result;
        try {
            result = jinjava.renderForResult(
                    template, variables, config(budget, MAX_OUTPUT + 4 * chars, TemplateDialect.DISABLED));
        } catch (TemplateBudget.Exhausted | StackOverflowError e) {
            throw new CheckpointException(
                    file + ": the chat template is nested too deeply or runs for too long: " + e.getMessage(), e);
        } catch (RuntimeException e) {
            throw new CheckpointException(file + ": the chat template cannot be rendered: " + e.getMessage(), e);
        }
        for (TemplateError error : result.getErrors()) {
            for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
                if (cause instanceof TemplateDialect.Rejected) {
                    throw new IllegalArgumentException(
                            "messages: rejected by the chat template of " + file + ": " + cause.getMessage());
                }
            }
        }
        if (!result.getErrors().isEmpty()) {
            TemplateError error = result.getErrors().getFirst();
            throw new CheckpointException(
                    file + ": the chat template failed in line " + error.getLineno() + ": " + error.getMessage(),
                    error.getException());
        }
        return result.getOutput();
    }

    /** A template includes nothing. */
    private static final class NoFiles implements ResourceLocator {

        @Override
        public String getString(String name, Charset encoding, JinjavaInterpreter interpreter)
                throws ResourceNotFoundException {
            throw new ResourceNotFoundException(name + ": a chat template reads no other file");
        }
    }
}
