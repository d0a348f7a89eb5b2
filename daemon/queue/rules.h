/* queue/rules.h: hold rules in memory; steering.h has what operators do with them. Of this room alone. */
#ifndef POSTROOM_QUEUE_RULES_H
#define POSTROOM_QUEUE_RULES_H

#include "daemon/queue/state.h"

enum err rules_open(struct queue *q, struct note *why) MUST_CHECK; /* reads them from queue.db */
void rules_close(struct queue *q);                                 /* writes the counts; harmless before rules_open() */

/* Does a rule hold a message of that sender ("": null) to that recipient, as it was named in the envelope or as it was found? Counted as held. */
bool rules_hold(struct queue *q, struct span sender, struct span address, struct span original);

#endif
