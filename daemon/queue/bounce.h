/* queue/bounce.h: telling the sender: a sealed DSN for the recipients of a part that fail. */
#ifndef POSTROOM_QUEUE_BOUNCE_H
#define POSTROOM_QUEUE_BOUNCE_H

#include "daemon/queue/outcome.h"

/* For all outcomes that are OUTCOME_FAILED and whose recipients are active. The reverse-path is not null. Without queue.lock. */
enum err bounce_make(struct queue *q, const struct part *p, const struct outcome *outcomes, struct accept **out, struct note *why) MUST_CHECK;

#endif
