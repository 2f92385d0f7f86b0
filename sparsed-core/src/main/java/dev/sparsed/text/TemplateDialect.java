package dev.sparsed.text;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.InterpretException;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.Importable;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.exptest.ExpTestLibrary;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.lib.filter.FilterLibrary;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.lib.fn.FunctionLibrary;
import com.hubspot.jinjava.lib.tag.TagLibrary;
import dev.sparsed.CheckpointException;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The part of Jinja that chat templates are written in and that Jinjava computes as Python does. What is outside of it
 * is an error, never left out in silence.
 */
final class TemplateDialect {

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

    private static final Pattern BLOCK = Pattern.compile("\\{[{%].*?[%}]\\}", Pattern.DOTALL);
    private static final Pattern STRING =
            Pattern.compile("'(?:[^'\\\\]++|\\\\.)*+'|\"(?:[^\"\\\\]++|\\\\.)*+\"", Pattern.DOTALL);
    private static final Pattern FILTER = Pattern.compile("\\|\\s*+(\\w++)");
    private static final Pattern TEST = Pattern.compile("\\bis\\s++(?:not\\s++)?+(\\w++)");
    private static final Pattern LOOP_WITH_CONDITION =
            Pattern.compile("^\\{%[-+]?+\\s*+for\\s(?!.*\\selse\\s).*\\sif\\s", Pattern.DOTALL);

    /** What of Jinjava's own a template may not use. */
    static final Map<Library, Set<String>> DISABLED = Map.of(
            Library.TAG, others(new TagLibrary(true, Set.of()).entries(), TAGS),
            Library.FUNCTION, others(new FunctionLibrary(true, Set.of()).entries(), FUNCTIONS),
            Library.FILTER, others(new FilterLibrary(true, Set.of()).entries(), FILTERS));

    private TemplateDialect() {}

    /**
     * Adds what Jinjava lacks or computes otherwise.
     *
     * @param jinjava where to
     * @param file where the template is from, for messages
     * @param template what will be rendered
     * @throws CheckpointException if the template has a loop with a condition
     */
    static void register(Jinjava jinjava, Path file, String template) {
        jinjava.registerFunction(new ELFunctionDefinition("", "raise_exception", raiseException()));
        jinjava.registerFilter(new TrimFilter());
        jinjava.registerFilter(new ReplaceFilter());
        rejectWhatIsNotKnown(jinjava, file, template);
    }

    /**
     * Jinjava leaves out a filter or test that it does not know; a template must not be rendered otherwise than it was
     * meant.
     */
    private static void rejectWhatIsNotKnown(Jinjava jinjava, Path file, String template) {
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

    private static Method raiseException() {
        try {
            Method method = TemplateDialect.class.getDeclaredMethod("raise", Object.class);
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
    static final class Rejected extends RuntimeException {

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
}
