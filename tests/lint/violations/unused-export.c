/* violates unused-export as daemon/base/sample.c */
/* base/sample.c: a sample. */
int sample_helper(int n)
{
	return n + 1;
}

int sample_other(int n)
{
	return sample_helper(n);
}
