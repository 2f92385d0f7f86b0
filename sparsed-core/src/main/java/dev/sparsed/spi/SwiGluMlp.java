package dev.sparsed.spi;

import java.util.List;

/**
 * The weights of an MLP with SwiGLU (arXiv 2002.05202, eq. 6): {@code (silu(x·gateᵀ) · (x·upᵀ))·downᵀ} with
 * {@code silu(z) = z / (1 + e^−z)}.
 *
 * @param gate {@code [inner, in]}
 * @param up {@code [inner, in]}
 * @param down {@code [out, inner]}
 */
public record SwiGluMlp(Tensor gate, Tensor up, Tensor down) {

    /** {@return the two layers of the input} */
    public List<LinearLayer> inner() {
        return List.of(new LinearLayer(gate, null), new LinearLayer(up, null));
    }
}
