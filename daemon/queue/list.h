/* queue/list.h: one message as others see it: rows as they are stored, states as they are in memory. */
#ifndef POSTROOM_QUEUE_LIST_H
#define POSTROOM_QUEUE_LIST_H

#include "daemon/queue/state.h"

/* A recipient of an entry whose detail is in memory; spans live with it and its lane. With queue.lock held. */
void list_recipient(const struct entry *e, const struct part *p, uint32_t n, struct queue_recipient *out);
/* What filters ask of the message. As above, without the recipients. */
void list_message(const struct entry *e, struct queue_entry *out);

#endif
