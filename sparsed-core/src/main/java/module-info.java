/** SparseD for Java: diffusion language models with dense and block-sparse attention. */
@SuppressWarnings("requires-automatic") // the text libraries have no module descriptors
module dev.sparsed.core {
    requires static transitive org.jspecify;
    requires static jdk.incubator.vector;
    requires com.fasterxml.jackson.databind;
    requires static ai.djl.tokenizers;
    requires static jinjava;

    exports dev.sparsed;
    exports dev.sparsed.attention;
    exports dev.sparsed.diffusion;
    exports dev.sparsed.natives;
    exports dev.sparsed.spi;
    exports dev.sparsed.text;

    uses dev.sparsed.spi.BackendProvider;

    provides dev.sparsed.spi.BackendProvider with
            dev.sparsed.internal.amx.AmxBackendProvider,
            dev.sparsed.internal.scalar.ScalarBackendProvider,
            dev.sparsed.internal.vector.VectorBackendProvider;
}
