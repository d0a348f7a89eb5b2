/* queue/suppression.h: the list of addresses that failed for good: how it learns; steering.h has what others ask of it. Of this room alone. */
#ifndef POSTROOM_QUEUE_SUPPRESSION_H
#define POSTROOM_QUEUE_SUPPRESSION_H

#include "daemon/queue/state.h"

enum err suppression_open(struct queue *q, struct note *why) MUST_CHECK;
void suppression_close(struct queue *q); /* harmless before suppression_open() */

/* A remote recipient failed for good: the address joins the list when the failure speaks of the address or its domain. `at_rcpt`: the reply answered
 * RCPT. Never blocks; without queue.lock. */
void suppression_learn(struct queue *q, struct span address, struct span status, struct span reply, bool remote, bool at_rcpt);

#endif
