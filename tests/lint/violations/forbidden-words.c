/* violates forbidden-words as daemon/base/sample.c */
/* base/sample.c: a sample. */
/* TODO: say when this ends. */
