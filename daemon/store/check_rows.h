/* store/check_rows.h: rows of messages, contents and thread keys. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_ROWS_H
#define POSTROOM_STORE_CHECK_ROWS_H

#include "daemon/store/check_turn.h"

/* All walks. ERR_STATE: enough. */
enum err check_rows(struct checking *c) MUST_CHECK;

#endif
