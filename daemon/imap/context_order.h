/* imap/context_order.h: where a message belongs in the order of a context of SORT. Internal to the context files. */
#ifndef POSTROOM_IMAP_CONTEXT_ORDER_H
#define POSTROOM_IMAP_CONTEXT_ORDER_H

#include "daemon/imap/inside_context.h"

/* Index in c->order before which it belongs. Reads some log(count) messages and keeps nothing of them. ERR_NOT_FOUND: it is there no more. */
enum err context_place(struct imap_session *s, const struct imap_context *c, uint32_t uid, size_t *place_out) MUST_CHECK;

#endif
