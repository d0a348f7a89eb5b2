/* net/conn_input.h: where input lies while a turn runs, and between turns (internal to net). */
#ifndef POSTROOM_NET_CONN_INPUT_H
#define POSTROOM_NET_CONN_INPUT_H

#include "daemon/net/conn.h"

/* Where to read to: behind what is left, in the worker's buffer or, when that is much, in the connection's own. Null or no size: it holds as much as it may. */
char *conn_room_for_input(struct worker *w, struct conn *c, size_t *size_out);
/* Keeps what is left for the next turn. False when it cannot be kept. */
bool conn_save_input(struct worker *w, struct conn *c);

#endif
