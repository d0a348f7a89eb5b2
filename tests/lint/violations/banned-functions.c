/* violates banned-functions as daemon/base/sample.c */
/* base/sample.c: a sample. */
#include <stdlib.h>

static int number(const char *text)
{
	return atoi(text);
}
