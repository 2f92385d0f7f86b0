package dev.sparsed.cuda;

import dev.sparsed.cuda.internal.driver.CudaAvailability;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A test class that needs a GPU; without one it is skipped, and the output says in one line why. Where {@code -Dsparsed.gpu.required=true}
 * is set it fails instead: on a machine that is there for these tests none may be skipped.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresGpu.Condition.class)
public @interface RequiresGpu {

    /** Asks the library itself. */
    final class Condition implements ExecutionCondition {

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            Optional<String> reason = CudaAvailability.unavailableBecause();
            if (reason.isEmpty()) {
                return ConditionEvaluationResult.enabled("there is a GPU");
            }
            if (Boolean.getBoolean("sparsed.gpu.required")) {
                return ConditionEvaluationResult.enabled("a GPU is required; the test will say what is missing");
            }
            System.out.println("Skipped " + context.getDisplayName() + ": " + reason.get());
            return ConditionEvaluationResult.disabled(reason.get());
        }
    }
}
