/* store/search_indexer.h: the thread that keeps search.db of all accounts up with their mail: one for a store, behind everybody else. */
#ifndef POSTROOM_STORE_SEARCH_INDEXER_H
#define POSTROOM_STORE_SEARCH_INDEXER_H

#include "daemon/store/store.h"

struct search_indexer;
enum err search_indexer_new(struct store *s, struct search_indexer **out) MUST_CHECK;
/* Ends its batch without a result. */
void search_indexer_free(struct search_indexer **indexer);

/* The account has mail that search.db does not: cheap, from any thread. Without an indexer: nothing. */
void search_indexer_wake(struct mailstore *m);
/* The same for mail that has just come. */
void search_indexer_arrived(struct mailstore *m);
/* Lets go of the account, if it is at it: it is about to be erased. */
void search_indexer_leave(struct search_indexer *x, uint64_t account_id);

void search_indexer_stats(struct search_indexer *x, struct store_search_stats *out);

#endif
