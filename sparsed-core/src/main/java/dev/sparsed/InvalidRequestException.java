package dev.sparsed;

/** A request that cannot be run: the message names the field, its value and the rule it breaks. */
public final class InvalidRequestException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    /** Name of the request's field. */
    private final String field;

    /**
     * Creates it.
     *
     * @param field name of the request's field
     * @param value its value
     * @param rule what it must be
     */
    public InvalidRequestException(String field, Object value, String rule) {
        super(field + " = " + value + ": " + rule);
        this.field = field;
    }

    /** {@return the name of the request's field} */
    public String field() {
        return field;
    }
}
