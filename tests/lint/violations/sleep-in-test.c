/* violates sleep-in-test as tests/unit/base/sample_test.c */
/* base/sample.h */
#include <unistd.h>

static void is_there_after_a_while(void **state)
{
	usleep(100000);
}
