package dev.sparsed.spi;

import java.util.Optional;

/**
 * Offers a backend; found through {@link java.util.ServiceLoader}. Asking whether it is available must be cheap, must not fail, and must
 * load nothing that the machine may lack.
 */
public interface BackendProvider {

    /** {@return the name users require it by, such as {@code "vector"}; lower case, unique} */
    String name();

    /**
     * Which one {@code auto} prefers: the highest number among those available. The scalar backend has 0, the Vector API 100, CUDA 200.
     *
     * @return the priority
     */
    int priority();

    /**
     * Why this backend cannot run here, and the exact remedy.
     *
     * @return empty if it can run
     */
    Optional<String> unavailableBecause();

    /**
     * Opens the backend.
     *
     * @param options how
     * @return the backend; the caller closes it
     * @throws dev.sparsed.BackendUnavailableException if it cannot run here
     */
    Backend open(BackendOptions options);
}
