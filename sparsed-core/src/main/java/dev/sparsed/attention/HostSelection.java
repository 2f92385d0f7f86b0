package dev.sparsed.attention;

/**
 * Finds a layer's pattern from its queries and keys on the host: what no backend has a kernel for. Costs a copy of both, and host arithmetic on one
 * thread.
 */
@FunctionalInterface
public interface HostSelection {

    /**
     * Selects.
     *
     * @param operands the layer's queries and keys, after RoPE
     * @return the pattern
     */
    BlockPattern select(QueriesAndKeys operands);
}
