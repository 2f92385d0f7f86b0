package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.ChatMessage;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConversationTest {

    private static Conversation ofThreeTurns(String system) {
        Conversation conversation = new Conversation(system);
        conversation.add(new Conversation.Turn("a", "1"));
        conversation.add(new Conversation.Turn("b", "2"));
        conversation.add(new Conversation.Turn("c", "3"));
        return conversation;
    }

    /** A token per message. */
    private static int length(List<ChatMessage> messages) {
        return messages.size();
    }

    @Test
    void tellsTheModelEverythingInOrder() {
        assertThat(ofThreeTurns("be brief").messages("d"))
                .containsExactly(
                        ChatMessage.system("be brief"),
                        ChatMessage.user("a"),
                        ChatMessage.assistant("1"),
                        ChatMessage.user("b"),
                        ChatMessage.assistant("2"),
                        ChatMessage.user("c"),
                        ChatMessage.assistant("3"),
                        ChatMessage.user("d"));
    }

    @Test
    void forgetsTheOldestTurnsAndKeepsTheSystemMessage() {
        Conversation conversation = ofThreeTurns("be brief");
        assertThat(conversation.fit("d", ConversationTest::length, 8)).isZero();
        assertThat(conversation.fit("d", ConversationTest::length, 5)).isEqualTo(2);
        assertThat(conversation.messages("d"))
                .containsExactly(
                        ChatMessage.system("be brief"),
                        ChatMessage.user("c"),
                        ChatMessage.assistant("3"),
                        ChatMessage.user("d"));
        assertThat(conversation.fit("d", ConversationTest::length, 2)).isEqualTo(1);
        assertThat(conversation.turns()).isZero();
    }

    @Test
    void refusesWhatCannotFitAndForgetsNothingForIt() {
        Conversation conversation = ofThreeTurns("be brief");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> conversation.fit("d", ConversationTest::length, 1))
                .withMessageContaining("takes 2 tokens with the system message")
                .withMessageContaining("only 1 fit")
                .withMessageContaining("--context-length");
        assertThat(conversation.turns()).isEqualTo(3);
    }

    @Test
    void canStartAnew() {
        Conversation conversation = ofThreeTurns("be brief");
        assertThat(conversation.removeLast()).isEqualTo(new Conversation.Turn("c", "3"));
        conversation.reset();
        assertThat(conversation.messages("d")).containsExactly(ChatMessage.system("be brief"), ChatMessage.user("d"));
        conversation.system(null);
        assertThat(conversation.messages("d")).containsExactly(ChatMessage.user("d"));
        assertThatIllegalArgumentException().isThrownBy(conversation::removeLast);
    }
}
