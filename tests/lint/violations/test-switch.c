/* violates test-switch as daemon/base/sample.c */
/* base/sample.c: a sample. */
#ifdef UNIT_TEST
static int seam;
#endif
