/* store/check_parts.h: the stored structure of a message, made again from its bytes. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_PARTS_H
#define POSTROOM_STORE_CHECK_PARTS_H

#include "daemon/store/check_turn.h"

/* *done_out false: its bytes are not all there, or nothing can be written. */
void check_parts_rebuild(struct checking *c, uint64_t content, bool *done_out);

#endif
