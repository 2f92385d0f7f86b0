package dev.sparsed.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.InterpretException;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.Importable;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.exptest.ExpTestLibrary;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.filter.FilterLibrary;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.lib.fn.FunctionLibrary;
import com.hubspot.jinjava.lib.tag.TagLibrary;
import com.hubspot.jinjava.loader.ResourceLocator;
import com.hubspot.jinjava.loader.ResourceNotFoundException;
import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import java.lang.reflect.Method;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Jinjava, set up to render like Python's Jinja and to withstand a hostile template. The only class that refers to it
 * by name.
 */
final class TemplateEngine {

    private static final Set<String> TAGS =
            Set.of("for", "if", "elif", "else", "set", "macro", "call", "raw", "break", "continue", "do", "print");

    private static final Set<String> FUNCTIONS = Set.of("range", "namespace", "raise_exception");

    /**
     * Of Jinja's own filters, those that Jinjava computes alike and whose result is no larger than a few times what
     * goes in.
     */
    private static final Set<String> FILTERS = Set.of(
            "abs",
            "capitalize",
            "count",
            "d",
            "default",
            "first",
            "int",
            "join",
            "last",
            "length",
            "list",
            "lower",
            "map",
            "reject",
            "rejectattr",
            "replace",
            "reverse",
            "select",
            "selectattr",
            "string",
            "trim",
            "unique",
            "upper");

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

    private static final Pattern BLOCK = Pattern.compile("\\{[{%].*?[%}]\\}", Pattern.DOTALL);
    private static final Pattern STRING =
            Pattern.compile("'(?:[^'\\\\]++|\\\\.)*+'|\"(?:[^\"\\\\]++|\\\\.)*+\"", Pattern.DOTALL);
    private static final Pattern FILTER = Pattern.compile("\\|\\s*+(\\w++)");
    private static final Pattern TEST = Pattern.compile("\\bis\\s++(?:not\\s++)?+(\\w++)");
    private static final Pattern LOOP_WITH_CONDITION =
            Pattern.compile("^\\{%[-+]?+\\s*+for\\s(?!.*\\selse\\s).*\\sif\\s", Pattern.DOTALL);

    private final Path file;
    private final String template;
    private final Jinjava jinjava;
    private final Map<Library, Set<String>> disabled;

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
        disabled = Map.of(
                Library.TAG, others(new TagLibrary(true, Set.of()).entries(), TAGS),
                Library.FUNCTION, others(new FunctionLibrary(true, Set.of()).entries(), FUNCTIONS),
                Library.FILTER, others(new FilterLibrary(true, Set.of()).entries(), FILTERS));
        jinjava.registerFunction(new ELFunctionDefinition("", "raise_exception", raiseException()));
        jinjava.registerFilter(new TrimFilter());
        jinjava.registerFilter(new ReplaceFilter());
        rejectWhatIsNotKnown();
    }

    /**
     * Jinjava leaves out a filter or test that it does not know; a template must not be rendered otherwise than it was
     * meant.
     */
    private void rejectWhatIsNotKnown() {
        Set<String> filters = names(new FilterLibrary(true, Set.of()).entries());
        Set<String> tests = names(new ExpTestLibrary(true, Set.of()).entries());
        Matcher block = BLOCK.matcher(template);
        while (block.find()) {
            String code = STRING.matcher(block.group()).replaceAll("''");
            if (LOOP_WITH_CONDITION.matcher(code).find()) {
                throw new CheckpointException(file
                        + ": the chat template has a loop with a condition, which is not supported: " + block.group());
            }
            for (Matcher name = FILTER.matcher(code); name.find(); ) {
                if (!filters.contains(name.group(1))) {
                    jinjava.registerFilter(new UnknownFilter(name.group(1)));
                }
            }
            for (Matcher name = TEST.matcher(code); name.find(); ) {
                if (!tests.contains(name.group(1))) {
                    jinjava.registerExpTest(new UnknownTest(name.group(1)));
                }
            }
        }
    }

    private static Set<String> names(Collection<? extends Importable> items) {
        Set<String> names = new TreeSet<>();
        items.forEach(item -> names.add(item.getName()));
        return names;
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

    private static Set<String> others(Collection<? extends Importable> all, Set<String> allowed) {
        Set<String> names = new TreeSet<>();
        for (Importable item : all) {
            String name = item instanceof ELFunctionDefinition function ? function.getLocalName() : item.getName();
            if (!allowed.contains(name)) {
                names.add(item.getName());
            }
        }
        names.removeIf(name -> name.startsWith("end")); // closes a block, does nothing
        return names;
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
            result = jinjava.renderForResult(template, variables, config(budget, MAX_OUTPUT + 4 * chars, disabled));
        } catch (TemplateBudget.Exhausted | StackOverflowError e) {
            throw new CheckpointException(
                    file + ": the chat template is nested too deeply or runs for too long: " + e.getMessage(), e);
        } catch (RuntimeException e) {
            throw new CheckpointException(file + ": the chat template cannot be rendered: " + e.getMessage(), e);
        }
        for (TemplateError error : result.getErrors()) {
            for (Throwable cause = error.getException(); cause != null; cause = cause.getCause()) {
                if (cause instanceof Rejected) {
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

    private static Method raiseException() {
        try {
            Method method = TemplateEngine.class.getDeclaredMethod("raise", Object.class);
            method.setAccessible(true); // called by Jinjava, which sees no private member of this package
            return method;
        } catch (NoSuchMethodException e) {
            throw new AssertionError(e);
        }
    }

    /** The template's {@code raise_exception}. */
    private static Object raise(Object message) {
        throw new Rejected(String.valueOf(message));
    }

    /** What {@code raise_exception} throws. */
    private static final class Rejected extends RuntimeException {

        private static final long serialVersionUID = 1L;

        Rejected(String message) {
            super(message);
        }
    }

    /** Python's {@code str.strip}; Jinjava's own filter keeps other white space than ASCII's. */
    private static final class TrimFilter implements Filter {

        @Override
        public String getName() {
            return "trim";
        }

        @Override
        public Object filter(Object value, JinjavaInterpreter interpreter, String... args) {
            return value == null
                    ? ""
                    : PythonStrings.strip(value.toString(), args.length > 0 ? args[0] : null, true, true);
        }
    }

    /** Python's {@code str.replace}; Jinjava's own filter builds a result of any size. */
    private static final class ReplaceFilter implements Filter {

        @Override
        public String getName() {
            return "replace";
        }

        @Override
        public Object filter(Object value, JinjavaInterpreter interpreter, String... args) {
            if (args.length != 2) {
                throw new InterpretException("replace: needs two strings");
            }
            long most = interpreter.getConfig().getMaxStringLength();
            return value == null ? "" : PythonStrings.replace(value.toString(), args[0], args[1], most);
        }
    }

    private record UnknownFilter(String name) implements Filter {

        @Override
        public String getName() {
            return name;
        }

        @Override
        public Object filter(Object value, JinjavaInterpreter interpreter, String... args) {
            throw new InterpretException("the filter " + name + " is not supported");
        }
    }

    private record UnknownTest(String name) implements ExpTest {

        @Override
        public String getName() {
            return name;
        }

        @Override
        public boolean evaluate(Object value, JinjavaInterpreter interpreter, Object... args) {
            throw new InterpretException("the test " + name + " is not supported");
        }
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
