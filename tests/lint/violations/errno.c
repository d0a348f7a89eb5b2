/* violates errno as daemon/base/sample.c */
/* base/sample.c: a sample. */
#include <errno.h>

int sample_open(const char *path)
{
	if (!path)
		return errno;
	return 0;
}
