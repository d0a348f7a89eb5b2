/* store/search_batch.h: texts on their way into search.db: their terms are gathered in memory, then written in one transaction. */
#ifndef POSTROOM_STORE_SEARCH_BATCH_H
#define POSTROOM_STORE_SEARCH_BATCH_H

#include "daemon/base/buf.h"
#include "db/search_index.h"

struct search_batch;
enum err search_batch_new(struct search_batch **out) MUST_CHECK;
void search_batch_free(struct search_batch **b);
void search_batch_reset(struct search_batch *b);

/* Numbers of texts rise. `is_whole`: there was nothing else in it. ERR_TEMP: no memory, the batch is to be reset. */
enum err search_batch_add(struct search_batch *b, uint64_t doc, struct span text, bool is_whole) MUST_CHECK;
bool search_batch_is_full(const struct search_batch *b);
size_t search_batch_bytes(const struct search_batch *b); /* of text, since the reset */

/* Inside a transaction: terms, vocabulary, fresh rows; what that changes in the state goes to *state. ERR_STATE: `stop` said so. */
enum err search_batch_write(struct search_batch *b, struct db *db, struct db_search_state *state, bool (*stop)(void *arg), void *arg) MUST_CHECK;

#endif
