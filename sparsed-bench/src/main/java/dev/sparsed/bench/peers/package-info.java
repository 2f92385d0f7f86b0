/** Other people's implementations of the same operations, measured beside ours in one process. */
@NullMarked
package dev.sparsed.bench.peers;

import org.jspecify.annotations.NullMarked;
