/* violates minus-one as daemon/base/sample.c */
/* base/sample.c: a sample. */
static int sample(int count)
{
	if (count < 0)
		return -1;
	return 0;
}
