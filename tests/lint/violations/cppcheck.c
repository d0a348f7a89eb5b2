/* violates cppcheck as daemon/base/sample.c */
/* base/sample.c: a sample. */
#include <stdlib.h>

int sample_get(int n);
int sample_get(int n)
{
	char *p = malloc(4);

	if (!p)
		return 0;
	p[n & 3] = 1;
	return p[5];
}
