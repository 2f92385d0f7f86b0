package dev.sparsed.text;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's string methods, as far as chat templates call them. */
final class PythonStrings {

    private PythonStrings() {}

    /**
     * Python's white space ({@code str.isspace}).
     *
     * @param c a char
     * @return whether {@code str.strip} removes it
     */
    static boolean isSpace(char c) {
        return c >= '\t' && c <= '\r'
                || c >= 0x1C && c <= ' '
                || c == 0x85
                || c == 0xA0
                || c == 0x1680
                || c >= 0x2000 && c <= 0x200A
                || c == 0x2028
                || c == 0x2029
                || c == 0x202F
                || c == 0x205F
                || c == 0x3000;
    }

    /**
     * {@code str.strip(chars)}, {@code lstrip}, {@code rstrip}.
     *
     * @param text the string
     * @param chars what to remove, or null for white space
     * @param left whether at the beginning
     * @param right whether at the end
     * @return the rest
     */
    static String strip(String text, @Nullable String chars, boolean left, boolean right) {
        int begin = 0;
        int end = text.length();
        while (left && begin < end && matches(text.charAt(begin), chars)) {
            begin++;
        }
        while (right && end > begin && matches(text.charAt(end - 1), chars)) {
            end--;
        }
        return text.substring(begin, end);
    }

    private static boolean matches(char c, @Nullable String chars) {
        return chars == null ? isSpace(c) : chars.indexOf(c) >= 0;
    }

    /**
     * {@code str.split(separator, most)}.
     *
     * @param text the string
     * @param separator not empty, or null for runs of white space
     * @param most most splits, or −1 for any number
     * @return the parts, a list that can be changed
     */
    static List<Object> split(String text, @Nullable String separator, int most) {
        List<Object> parts = new ArrayList<>();
        int begin = 0;
        while (true) {
            if (separator == null) {
                while (begin < text.length() && isSpace(text.charAt(begin))) {
                    begin++;
                }
                if (begin == text.length()) {
                    return parts;
                }
            }
            int end = parts.size() == most
                    ? -1
                    : separator == null ? nextSpace(text, begin) : text.indexOf(separator, begin);
            if (end < 0) {
                String rest = text.substring(begin);
                parts.add(separator == null ? strip(rest, null, false, true) : rest);
                return parts;
            }
            parts.add(text.substring(begin, end));
            begin = end + (separator == null ? 1 : separator.length());
        }
    }

    private static int nextSpace(String text, int begin) {
        for (int i = begin; i < text.length(); i++) {
            if (isSpace(text.charAt(i))) {
                return i;
            }
        }
        return -1;
    }

    /**
     * {@code str.replace(old, with)}.
     *
     * @param text the string
     * @param old what to replace, not empty
     * @param with by what
     * @param most longest result in chars
     * @return the string with every {@code old} replaced
     * @throws IllegalArgumentException if {@code old} is empty or the result would be too long
     */
    static String replace(String text, String old, String with, long most) {
        if (old.isEmpty()) {
            throw new IllegalArgumentException("replace: what to replace is empty");
        }
        long length = text.length();
        for (int i = text.indexOf(old); i >= 0; i = text.indexOf(old, i + old.length())) {
            length += with.length() - old.length();
        }
        if (length > most) {
            throw new IllegalArgumentException("replace makes a string of " + length + " chars, the most is " + most);
        }
        return text.replace(old, with);
    }
}
