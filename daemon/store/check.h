/* store/check.h: does an account keep its own rules? For tests, the doctor and restores. */
#ifndef POSTROOM_STORE_CHECK_H
#define POSTROOM_STORE_CHECK_H

#include "daemon/store/store.h"

/* Rows without a body, bodies without a row, files without a row, counters against what they count. While nobody writes.
 * ERR_CORRUPT: the first fault stands in `why`. */
enum err store_check(struct mailstore *m, struct note *why) MUST_CHECK;

#endif
