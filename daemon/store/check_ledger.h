/* store/check_ledger.h: ledger rows of messages that the queue does not know. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_LEDGER_H
#define POSTROOM_STORE_CHECK_LEDGER_H

#include "daemon/store/check_turn.h"

/* ERR_STATE: enough. */
enum err check_ledger(struct checking *c) MUST_CHECK;

#endif
