/* store/check_mailboxes.h: counters of mailboxes and of the account, logs, and rows of what is gone. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_MAILBOXES_H
#define POSTROOM_STORE_CHECK_MAILBOXES_H

#include "daemon/store/check_turn.h"

/* Behind check_rows(): sizes of messages are right by then. ERR_STATE: enough. */
enum err check_mailboxes(struct checking *c) MUST_CHECK;

#endif
