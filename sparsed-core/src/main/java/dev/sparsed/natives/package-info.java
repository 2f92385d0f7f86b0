/** Native libraries that are shipped in jars, for backends that have some. */
@NullMarked
package dev.sparsed.natives;

import org.jspecify.annotations.NullMarked;
