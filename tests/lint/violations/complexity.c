/* violates complexity as daemon/base/sample.c */
/* base/sample.c: a sample. */
static int sample(int n)
{
	if (n == 0 || n == 100)
		n += 0;
	if (n == 1 || n == 101)
		n += 1;
	if (n == 2 || n == 102)
		n += 2;
	if (n == 3 || n == 103)
		n += 3;
	if (n == 4 || n == 104)
		n += 4;
	if (n == 5 || n == 105)
		n += 5;
	if (n == 6 || n == 106)
		n += 6;
	if (n == 7 || n == 107)
		n += 7;
	return n;
}
