/* queue/pause.h: destinations to which nothing is sent meanwhile, as the lanes ask; steering.h has what operators do with them. */
#ifndef POSTROOM_QUEUE_PAUSE_H
#define POSTROOM_QUEUE_PAUSE_H

#include "daemon/queue/steering.h"
#include "daemon/queue/state.h"

/* What a former run left, before the messages are loaded. */
enum err pause_load(struct queue *q, struct note *why) MUST_CHECK;

/* With queue.lock held: */
bool pause_is_set(const struct queue *q, struct span destination);
/* Its time has come: forgets it, its lane goes on. The row goes with the next start. */
void pause_over(struct queue *q, struct pause *p);
void pause_forget(struct queue *q); /* all, at the end */
size_t pause_count(const struct queue *q);
/* The i-th, by name, as it is told of; spans live while the lock is held. */
void pause_at(const struct queue *q, size_t i, struct queue_pause *out);

#endif
