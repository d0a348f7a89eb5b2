/* store/search_turn.h: what is fresh in search.db becomes posted. */
#ifndef POSTROOM_STORE_SEARCH_TURN_H
#define POSTROOM_STORE_SEARCH_TURN_H

#include "db/search_index.h"

bool search_turn_is_due(const struct db_search_state *state);
/* Inside a transaction; what it changes in the state goes to *state. ERR_STATE: `stop` said so. */
enum err search_turn(struct db *db, struct db_search_state *state, bool (*stop)(void *arg), void *arg) MUST_CHECK;

#endif
