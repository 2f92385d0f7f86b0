/** Does the model still solve its tasks? Tasks with exact answers, their check, and a run over many of them. */
@NullMarked
package dev.sparsed.bench.quality;

import org.jspecify.annotations.NullMarked;
