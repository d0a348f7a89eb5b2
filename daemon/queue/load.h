/* queue/load.h: what a former run left, into memory. */
#ifndef POSTROOM_QUEUE_LOAD_H
#define POSTROOM_QUEUE_LOAD_H

#include "daemon/queue/state.h"

/* Entries for all rows that are not in memory yet, without their contents. Before threads start. */
enum err load_rows(struct queue *q, struct note *why) MUST_CHECK;

#endif
