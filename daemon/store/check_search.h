/* store/check_search.h: does search.db fit mail.db? For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_SEARCH_H
#define POSTROOM_STORE_CHECK_SEARCH_H

#include "daemon/store/check_turn.h"

/* ERR_STATE: enough. */
enum err check_search(struct checking *c) MUST_CHECK;

#endif
