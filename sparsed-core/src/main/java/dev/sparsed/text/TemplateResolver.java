package dev.sparsed.text;

import com.hubspot.jinjava.el.ext.JinjavaBeanELResolver;
import com.hubspot.jinjava.lib.exptest.ExpTest;
import com.hubspot.jinjava.lib.filter.Filter;
import com.hubspot.jinjava.util.ForLoop;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jinjava.javax.el.ELContext;
import jinjava.javax.el.ELException;
import jinjava.javax.el.ELResolver;
import jinjava.javax.el.MapELResolver;
import org.jspecify.annotations.Nullable;

/**
 * All that a template can do with a value: keys of maps, positions of lists and strings, the loop variable, and the
 * methods listed in {@link #invoke}. No bean property and no other Java method.
 */
final class TemplateResolver extends MapELResolver {

    private final long maxString;
    private final ELResolver beans = new JinjavaBeanELResolver();

    /**
     * Creates it.
     *
     * @param maxString longest string in chars that a method may make
     */
    TemplateResolver(long maxString) {
        this.maxString = maxString;
    }

    @Override
    public @Nullable Object getValue(ELContext context, @Nullable Object base, @Nullable Object property) {
        if (base == null) {
            return null; // a variable: resolved by the engine
        }
        context.setPropertyResolved(true);
        return switch (base) {
            case Map<?, ?> map -> property == null ? null : map.get(property.toString());
            case List<?> list -> {
                int i = position(property, list.size());
                yield i < 0 ? null : list.get(i);
            }
            case String text -> {
                int i = position(property, text.length());
                yield i < 0 ? null : text.substring(i, i + 1);
            }
            case ForLoop loop -> loopProperty(loop, String.valueOf(property));
            default -> null;
        };
    }

    /** The position that Python means: negative ones count from the end; −1 if there is none. */
    private static int position(@Nullable Object property, int size) {
        long i;
        if (property instanceof Number number) {
            i = number.longValue();
        } else {
            try {
                i = Long.parseLong(String.valueOf(property));
            } catch (NumberFormatException e) {
                return -1;
            }
        }
        if (i < 0) {
            i += size;
        }
        return i < 0 || i >= size ? -1 : (int) i;
    }

    private static @Nullable Object loopProperty(ForLoop loop, String property) {
        return switch (property) {
            case "index" -> loop.getIndex();
            case "index0" -> loop.getIndex0();
            case "revindex" -> loop.getRevindex();
            case "revindex0" -> loop.getRevindex0();
            case "first" -> loop.isFirst();
            case "last" -> loop.isLast();
            case "length" -> loop.getLength();
            case "depth" -> loop.getDepth();
            case "depth0" -> loop.getDepth0();
            default -> null;
        };
    }

    @Override
    public @Nullable Object invoke(
            ELContext context,
            @Nullable Object base,
            Object method,
            Class<?> @Nullable [] types,
            Object @Nullable [] args) {
        if (base == null) {
            return null;
        }
        boolean ofEngine = base instanceof Filter && method.equals("filter")
                || base instanceof ExpTest && (method.equals("evaluate") || method.equals("evaluateNegated"));
        if (ofEngine) { // how the engine calls "value | name" and "value is name"
            return beans.invoke(context, base, method, types, args);
        }
        context.setPropertyResolved(true);
        List<@Nullable Object> list = new ArrayList<>();
        if (args != null) {
            Collections.addAll(list, args);
        }
        Object result = switch (base) {
            case String text -> call(text, method.toString(), list);
            case Map<?, ?> map -> call(map, method.toString(), list);
            case List<?> values -> call(values, method.toString(), list);
            default -> throw unknown(method.toString(), base);
        };
        if (result instanceof String text && text.length() > maxString) {
            throw new ELException(method + "() makes a string of " + text.length() + " chars");
        }
        return result;
    }

    private Object call(String text, String method, List<@Nullable Object> args) {
        String first = args.isEmpty() || args.getFirst() == null
                ? null
                : args.getFirst().toString();
        return switch (method) {
            case "strip" -> PythonStrings.strip(text, first, true, true);
            case "lstrip" -> PythonStrings.strip(text, first, true, false);
            case "rstrip" -> PythonStrings.strip(text, first, false, true);
            case "startswith" -> text.startsWith(needed(method, first));
            case "endswith" -> text.endsWith(needed(method, first));
            case "upper" -> text.toUpperCase(Locale.ROOT);
            case "lower" -> text.toLowerCase(Locale.ROOT);
            case "replace" ->
                PythonStrings.replace(
                        text, needed(method, first), args.size() < 2 ? "" : String.valueOf(args.get(1)), maxString);
            case "split" -> {
                if (first != null && first.isEmpty()) {
                    throw new ELException("split(): the separator is empty");
                }
                int most = args.size() > 1 && args.get(1) instanceof Number number ? number.intValue() : -1;
                yield PythonStrings.split(text, first, most);
            }
            default -> throw unknown(method, text);
        };
    }

    private static @Nullable Object call(Map<?, ?> map, String method, List<@Nullable Object> args) {
        return switch (method) {
            case "get" -> {
                Object value = args.isEmpty() || args.getFirst() == null
                        ? null
                        : map.get(args.getFirst().toString());
                yield value == null && args.size() > 1 ? args.get(1) : value;
            }
            case "items" -> new ArrayList<>(map.entrySet());
            case "keys" -> new ArrayList<>(map.keySet());
            case "values" -> new ArrayList<>(map.values());
            default -> throw unknown(method, map);
        };
    }

    @SuppressWarnings("unchecked") // the engine's lists hold anything
    private static Object call(List<?> values, String method, List<@Nullable Object> args) {
        if (method.equals("append") && args.size() == 1) {
            ((List<@Nullable Object>) values).add(args.getFirst());
            return "";
        }
        throw unknown(method, values);
    }

    private static String needed(String method, @Nullable String argument) {
        if (argument == null) {
            throw new ELException(method + "(): needs a string");
        }
        return argument;
    }

    private static ELException unknown(String method, Object base) {
        String kind = base instanceof String
                ? "a string"
                : base instanceof Map ? "a map" : base instanceof List ? "a list" : "this value";
        return new ELException("the method " + method + "() of " + kind + " is not supported");
    }

    @Override
    public Class<?> getType(ELContext context, @Nullable Object base, @Nullable Object property) {
        context.setPropertyResolved(true);
        return Object.class;
    }

    @Override
    public boolean isReadOnly(ELContext context, @Nullable Object base, @Nullable Object property) {
        context.setPropertyResolved(true);
        return true;
    }

    @Override
    public void setValue(ELContext context, @Nullable Object base, @Nullable Object property, @Nullable Object value) {
        throw new ELException("a template changes no value");
    }
}
