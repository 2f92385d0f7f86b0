/**
 * Text to token ids and back: Hugging Face's {@code tokenizer.json} and chat templates. The only package that touches
 * the text libraries; generation on token ids never loads it.
 */
@NullMarked
package dev.sparsed.text;

import org.jspecify.annotations.NullMarked;
