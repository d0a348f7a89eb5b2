/* violates duplicate-export as daemon/base/sample.c */
/* base/sample.c: a sample. */
void sample_do(int n)
{
	(void)n;
}
/* and as daemon/net/sample.c */
/* net/sample.c: a sample. */
void sample_do(int n)
{
	(void)n;
}
