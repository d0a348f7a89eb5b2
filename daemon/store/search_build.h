/* store/search_build.h: the next texts of an account into its search.db. */
#ifndef POSTROOM_STORE_SEARCH_BUILD_H
#define POSTROOM_STORE_SEARCH_BUILD_H

#include "daemon/store/store.h"

struct search_build; /* working memory, for one account after the other */
enum err search_build_new(struct search_build **out) MUST_CHECK;
void search_build_free(struct search_build **b);

/* One batch, in one transaction. *more_out: there is more to be done at once. ERR_STATE: `stop` said so, or the file is read in while it should be put aside;
 * ERR_TEMP: later, by itself; ERR_CORRUPT: damaged, the next call makes it anew, or mail.db is. Nothing of the batch remains then. */
enum err search_build_run(struct search_build *b, struct mailstore *m, bool (*stop)(void *arg), void *arg, bool *more_out, struct note *why) MUST_CHECK;

#endif
