package dev.sparsed.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.assertj.core.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ChatTemplateTest {

    /**
     * The shape of Qwen2.5's template, which Dream uses: dashes trim, tools are never given, a default system message.
     */
    private static final String CHATML = """
            {%- if tools %}
                {{- '<|im_start|>system\\n' }}
                {%- for tool in tools %}
                    {{- "\\n" }}
                    {{- tool | tojson }}
                {%- endfor %}
                {{- "\\n{\\"name\\": <function-name>}<|im_end|>\\n" }}
            {%- else %}
                {%- if messages[0]['role'] == 'system' %}
                    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
                {%- else %}
                    {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}
                {%- endif %}
            {%- endif %}
            {%- for message in messages %}
                {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
                    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
                {%- elif message.role == "tool" %}
                    {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != "tool") %}
                        {{- '<|im_start|>user' }}
                    {%- endif %}
                    {{- '\\n<tool_response>\\n' }}
                {%- endif %}
            {%- endfor %}
            {%- if add_generation_prompt %}
                {{- '<|im_start|>assistant\\n' }}
            {%- endif %}
            """;

    @TempDir
    private Path folder;

    private ChatTemplate template(String source) throws IOException {
        Files.writeString(folder.resolve("chat_template.jinja"), source);
        return ChatTemplate.load(folder);
    }

    private String render(String source, ChatMessage... messages) throws IOException {
        return template(source).render(List.of(messages), true);
    }

    @Test
    void chatMlWithoutSystemMessageAddsTheDefaultOne() throws IOException {
        assertThat(render(CHATML, ChatMessage.user("Hi\n there ")))
                .isEqualTo(
                        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\nHi\n there <|im_end|>\n"
                                + "<|im_start|>assistant\n");
    }

    @Test
    void chatMlWritesTheSystemMessageOnce() throws IOException {
        List<ChatMessage> chat = List.of(
                ChatMessage.system("Be brief."),
                ChatMessage.user("1+1?"),
                ChatMessage.assistant("2"),
                ChatMessage.system("Now be long."),
                ChatMessage.user("Why?"));
        assertThat(template(CHATML).render(chat, false))
                .isEqualTo("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n1+1?<|im_end|>\n"
                        + "<|im_start|>assistant\n2<|im_end|>\n<|im_start|>system\nNow be long.<|im_end|>\n"
                        + "<|im_start|>user\nWhy?<|im_end|>\n");
    }

    @Test
    void blocksAreTrimmedAsTransformersDoes() throws IOException {
        String source = """
                {% if messages %}
                    {% for m in messages %}
                [{{ m.role }}] {{ m.content | trim }}
                    {% endfor %}
                {% endif %}
                end
                """;
        assertThat(render(source, ChatMessage.user(" a "), ChatMessage.assistant("b")))
                .isEqualTo("[user] a\n[assistant] b\nend");
    }

    @Test
    void namespacesMacrosSlicesAndStringMethods() throws IOException {
        String source = """
                {%- set ns = namespace(system='', turns=0) -%}
                {%- for m in messages -%}{%- if m.role == 'system' -%}{%- set ns.system = m.content -%}{%- endif -%}{%- endfor -%}
                {%- macro turn(role, text) -%}<{{ role }}>{{ text }}</{{ role }}>{%- endmacro -%}
                {%- for m in messages -%}
                  {%- if m.role != 'system' -%}
                    {%- set ns.turns = ns.turns + 1 -%}
                    {%- if '</think>' in m.content -%}
                      {{- turn(m.role, m.content.split('</think>')[-1].lstrip('\\n')) -}}
                    {%- elif m.content.startswith('!') -%}
                      {{- turn(m.role, m.content[1:] | upper) -}}
                    {%- else -%}
                      {{- turn(m['role'], m.get('content').strip()) -}}
                    {%- endif -%}
                  {%- endif -%}
                  {%- if loop.last -%}|{{ loop.length }}{%- endif -%}
                {%- endfor -%}
                |{{ ns.system }}|{{ ns.turns }}|{{ messages[-1].role }}|{{ 'y' if tools is defined else 'n' }}|{{ x | default('d') }}
                """;
        assertThat(render(
                        source,
                        ChatMessage.system("S"),
                        ChatMessage.user("!go"),
                        ChatMessage.assistant("<think>hm</think>\n\nyes"),
                        ChatMessage.user(" ok ")))
                .isEqualTo("<user>GO</user><assistant>yes</assistant><user>ok</user>|4|S|3|user|n|d");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '§',
            quoteCharacter = '`',
            value = {
                "{{ messages | length }}§2",
                "{{ messages[0].content | length }}§5",
                "{{ messages[0].content[0] }}§h",
                "{{ (messages[0].content ~ '!') | upper }}§HELLO!",
                "{{ 1 + 2 * 3 }}§7",
                "{{ not false and true }}§true",
                "{{ messages[0]['nothing'] }}x§x",
                "{{ nothing }}x§x",
                "{{ bos_token }}x§x",
                "{{ messages[5] is defined }}§false",
                "{{ messages[0].content is string }}§true",
                "{{ none is none }}§true",
                "{% for m in messages[1:] %}{{ m.role }}{% endfor %}§assistant",
                "{% for m in messages %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}§1,2",
                "{% for k, v in messages[0].items() %}{% if k == 'role' %}{{ k }}={{ v }}{% endif %}{% endfor %}§role=user",
                "{{ messages | map(attribute='role') | join(',') }}§user,assistant",
                "{{ (messages | selectattr('role', 'equalto', 'assistant') | list)[0].content }}§there",
                "{% if messages[0].role not in ['system', 'tool'] %}ok{% endif %}§ok",
                "{{ 'a,b'.split(',') | last }}§b",
                "{{ messages[1].content.replace('t', 'T') }}§There",
                "{{ messages[1].content | replace('e', '__') }}§th__r__",
                "{# a comment #}x§x",
                "{{ 'a' ~ 1 }}§a1"
            })
    void expressions(String source, String expected) throws IOException {
        String actual = render(source, ChatMessage.user("hello"), ChatMessage.assistant("there"));
        assertThat(actual.replace("True", "true").replace("False", "false")).isEqualTo(expected);
    }

    @Test
    void trimStripsWhatPythonStrips() throws IOException {
        assertThat(render(
                        "[{{ messages[0].content | trim }}]",
                        ChatMessage.user("\u00A0\u3000\u2003 \tx\u0000\u0001\b\u200B\n")))
                .isEqualTo("[x\u0000\u0001\b\u200B]");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ 7 * 7 }}",
                "{% raise %}",
                "{# gone #}",
                "{{ messages }}",
                "{% raw %}",
                "{{",
                "%}",
                "\\n",
                "${1+1}",
                "#{1+1}",
                "'\"\\",
                "<|eot_id|>",
                "{{ '{{ 1+1 }}' }}",
                "&<>"
            })
    void contentIsNeverInterpreted(String content) throws IOException {
        assertThat(render(
                        "{% set c = messages[0]['content'] | trim + '' %}{{ c }}|{{ messages[0].content }}",
                        ChatMessage.user(content)))
                .isEqualTo(content + "|" + content);
    }

    @Test
    void raiseExceptionReachesTheCaller() throws IOException {
        ChatTemplate template = template(
                "{% if messages[0].role != 'user' %}{{ raise_exception('user first, not ' + messages[0].role) }}"
                        + "{% endif %}ok");
        assertThat(template.render(List.of(ChatMessage.user("x")), true)).isEqualTo("ok");
        assertThatThrownBy(() -> template.render(List.of(ChatMessage.system("x")), true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("user first, not system")
                .hasMessageContaining("chat_template.jinja");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% include '/etc/hostname' %}",
                "{% import '/etc/hostname' as x %}",
                "{% from '/etc/hostname' import x %}",
                "{% extends '/etc/hostname' %}",
                "{% unknown_tag %}",
                "{% for m in messages %}",
                "{{ messages | nosuchfilter }}",
                "{{ messages is nosuchtest }}",
                "{{ nosuchfunction(1) }}",
                "{{ messages[0].content | attr('class') }}",
                "{{ ____int3rpr3t3r____.getConfig() }}",
                "{{ ____int3rpr3t3r____.render('x') }}",
                "{{ messages.getClass() }}",
                "{{ ''.getClass().forName('java.lang.Runtime') }}",
                "{{ messages[0].content.chars() }}",
                "{{ messages.stream() }}",
                "{{ 'a' | tojson }}",
                "{{ '{{ 1 }}' | render }}",
                "{{ '%1000000000d' | format(1) }}",
                "{{ 'x' | center(1000000000) }}",
                "{{ type(messages) }}",
                "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{{ '' }}{% endfor %}{% endfor %}{% endfor %}",
                "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
                "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}{{ ns.s }}",
                "{% set ns = namespace(s='aaaaaaaaaaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s | replace('a', ns.s) %}{% endfor %}",
                "{% set ns = namespace(s=['aaaaaaaaaaaaaaaa']) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
                "{% macro f(n) %}{{ f(n) }}{% endmacro %}{{ f(1) }}",
                "{% for i in range(1000) %}{{ messages[0].content * 1000 }}{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'"
                        + " ~ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }}{% endfor %}",
            })
    void hostileOrUnsupportedTemplatesFail(String source) throws IOException {
        ChatTemplate template = template(source);
        Assertions.assertThatThrownBy(() -> org.junit.jupiter.api.Assertions.assertTimeoutPreemptively(
                        Duration.ofSeconds(20), () -> template.render(List.of(ChatMessage.user("hello")), true)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("chat_template.jinja");
    }

    @Test
    void aLoopWithAConditionIsRejectedNotLeftOut() {
        assertThatThrownBy(() -> template("{% for m in messages if m.role == 'user' %}x{% endfor %}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("loop with a condition");
    }

    @Test
    void whatIsNotSupportedMayStandInABranchNotTaken() throws IOException {
        assertThat(render("{% if tools %}{{ tools | items }}{{ x is odd_thing }}{% endif %}ok, don't | fail"))
                .isEqualTo("ok, don't | fail");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{{ messages.class }}",
                "{{ messages[0].content.class }}",
                "{{ messages[0].content.bytes }}",
                "{{ ____int3rpr3t3r____.config }}",
                "{{ messages[0].class.name }}",
                "{{ loop }}"
            })
    void javaObjectsAreOutOfReach(String source) throws IOException {
        String output;
        try {
            output = render(source, ChatMessage.user("hello"));
        } catch (CheckpointException e) {
            return;
        }
        assertThat(output).doesNotContain("java", "hubspot", "@", "[B");
    }

    @Test
    void deepNestingIsAnErrorNotACrash() throws IOException {
        assertThatThrownBy(() -> template("{{ " + "(".repeat(100_000) + "1" + ")".repeat(100_000) + " }}"))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("chat_template.jinja");
        assertThatThrownBy(() -> template(")".repeat(100) + "{{ " + "(".repeat(51) + "'}}'" + ")".repeat(51) + " }}"))
                .isInstanceOf(CheckpointException.class);
        assertThat(render("{{ " + "(".repeat(50) + "1" + ")".repeat(50) + " }}"))
                .isEqualTo("1");
        ChatTemplate blocks = template("{% if true %}".repeat(20_000) + "{% endif %}".repeat(20_000));
        assertThatThrownBy(() -> blocks.render(List.of(), false)).isInstanceOf(CheckpointException.class);
    }

    @Test
    void longMessagesPass() throws IOException {
        String content = "word ".repeat(400_000);
        assertThat(render("{{ messages[0].content + '' }}{{ messages[0].content }}", ChatMessage.user(content)))
                .isEqualTo(content + content);
    }

    @Test
    void manyMessagesPass() throws IOException {
        ChatMessage[] chat = new ChatMessage[2000];
        java.util.Arrays.fill(chat, ChatMessage.user("x"));
        assertThat(render(
                        "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}", chat))
                .isEqualTo("x".repeat(2000));
    }

    @Test
    void theFileWinsOverTheConfiguration() throws IOException {
        Files.writeString(
                folder.resolve("tokenizer_config.json"),
                "{\"chat_template\": \"config {{ bos_token }}\", \"bos_token\": \"B\"}");
        assertThat(ChatTemplate.load(folder).render(List.of(), false)).isEqualTo("config B");
        assertThat(render("file {{ bos_token }}")).isEqualTo("file B");
    }

    @Test
    void aListHoldsTheDefaultTemplate() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "{{ eos_token }}{{ pad_token }}"}],
                 "eos_token": {"content": "<e>", "lstrip": false}, "pad_token": null}
                """);
        Files.writeString(
                folder.resolve("special_tokens_map.json"),
                "{\"eos_token\": \"other\", \"pad_token\": {\"content\": \"<p>\"}}");
        assertThat(ChatTemplate.load(folder).render(List.of(), false)).isEqualTo("<e><p>");
    }

    @Test
    void noTemplateSaysWhatElseWorks() throws IOException {
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(folder.toString())
                .hasMessageContaining("chat_template.jinja")
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageContaining("token ids");
        Files.writeString(folder.resolve("tokenizer_config.json"), "{}");
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("token ids");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "{~malformed JSON",
                "[]~JSON object",
                "{\"chat_template\": 3}~chat_template",
                "{\"chat_template\": []}~default",
                "{\"chat_template\": [{\"name\": \"default\"}]}~default",
                "{\"chat_template\": [1, \"x\", null]}~default",
                "{\"chat_template\": \"x\", \"bos_token\": 5}~bos_token",
                "{\"chat_template\": \"x\", \"bos_token\": {\"content\": 5}}~bos_token",
                "{\"chat_template\": \"x\", \"chat_template\": \"y\"}~malformed JSON",
                "{\"chat_template\": \"x\"} {}~malformed JSON"
            })
    void malformedConfigurationsNameTheFile(String json, String part) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), json);
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer_config.json")
                .hasMessageContaining(part);
    }

    @Test
    void nestedAndBinaryConfigurationsAreRejected() throws IOException {
        Path file = folder.resolve("tokenizer_config.json");
        Files.writeString(file, "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}");
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining(file.toString());
        Files.write(file, new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}'});
        assertThatThrownBy(() -> ChatTemplate.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("UTF-8");
    }

    @Test
    void oneTemplateServesSeveralThreads() throws IOException {
        ChatTemplate template = template(CHATML);
        List<String> chats = java.util.stream.IntStream.range(0, 200)
                .parallel()
                .mapToObj(i -> template.render(List.of(ChatMessage.system("s" + i), ChatMessage.user("u" + i)), false))
                .toList();
        for (int i = 0; i < 200; i++) {
            assertThat(chats.get(i))
                    .isEqualTo("<|im_start|>system\ns" + i + "<|im_end|>\n<|im_start|>user\nu" + i + "<|im_end|>\n");
        }
    }
}
