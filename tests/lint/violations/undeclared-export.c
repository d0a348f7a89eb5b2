/* violates undeclared-export as daemon/base/sample.c */
/* base/sample.c: a sample. */
void sample_do(int n)
{
	(void)n;
}
