package dev.sparsed.spi;

/**
 * How the columns of queries, keys and values split into heads. Head {@code h} of the queries occupies the columns
 * {@code h·headDim … (h+1)·headDim - 1}; keys and values likewise with their own number of heads. With grouped-query attention
 * query head {@code h} reads key/value head {@code h / group()}.
 *
 * @param queryHeads number of query heads, a multiple of {@code keyValueHeads}
 * @param keyValueHeads number of key and value heads
 * @param headDim features of one head
 */
public record HeadLayout(int queryHeads, int keyValueHeads, int headDim) {

    /** Checks that the numbers are positive and that the query heads divide into groups. */
    public HeadLayout {
        if (queryHeads < 1 || keyValueHeads < 1 || headDim < 1 || queryHeads % keyValueHeads != 0) {
            throw new IllegalArgumentException(
                    queryHeads + " query heads, " + keyValueHeads + " key/value heads, head dimension " + headDim
                            + ": all must be positive, and query heads a multiple of key/value heads");
        }
    }

    /** {@return how many query heads share one key/value head} */
    public int group() {
        return queryHeads / keyValueHeads;
    }

    /** {@return columns of the queries, {@code queryHeads × headDim}} */
    public int queryColumns() {
        return queryHeads * headDim;
    }

    /** {@return columns of the keys and of the values, {@code keyValueHeads × headDim}} */
    public int keyValueColumns() {
        return keyValueHeads * headDim;
    }

    /** {@return the factor on every score, 1/√headDim} */
    public float scale() {
        return (float) (1.0 / Math.sqrt(headDim));
    }
}
