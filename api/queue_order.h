/* api/queue_order.h: what can be done to messages of the queue, by name; internal to api/. */
#ifndef POSTROOM_API_QUEUE_ORDER_H
#define POSTROOM_API_QUEUE_ORDER_H

#include "daemon/queue/queue.h"

const char *queue_order_verb(enum queue_action action); /* "retry": of the API and of the audit */
bool queue_order_action(struct span verb, enum queue_action *out);
/* What to say to ERR_STATE. */
const char *queue_order_refusal(enum queue_action action);
/* Would queue_steer() find something to do in it, as it is now? For plans: ERR_OK, ERR_STATE. */
enum err queue_order_fits(const struct queue_order *order, const struct queue_entry *e) MUST_CHECK;

#endif
