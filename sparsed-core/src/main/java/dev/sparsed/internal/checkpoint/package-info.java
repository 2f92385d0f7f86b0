/**
 * Checkpoints as Hugging Face lays them out: safetensors files, mapped and checked, and the folder around them. All input is
 * untrusted: every length, offset, shape and name is checked against the file before it is used.
 */
@NullMarked
package dev.sparsed.internal.checkpoint;

import org.jspecify.annotations.NullMarked;
