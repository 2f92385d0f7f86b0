/** The backend: tensors on a device, and the operations of a step on them. */
@NullMarked
package dev.sparsed.cuda.internal;

import org.jspecify.annotations.NullMarked;
