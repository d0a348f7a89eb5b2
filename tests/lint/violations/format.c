/* violates format as daemon/base/sample.c */
/* base/sample.c: a sample. */
static int sample(int n) { return n+1; }
