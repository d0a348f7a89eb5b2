/* queue/filter.h: does a message, does a recipient fit what is asked for? Pure. */
#ifndef POSTROOM_QUEUE_FILTER_H
#define POSTROOM_QUEUE_FILTER_H

#include "daemon/queue/queue.h"

/* What is said of messages alone; a recipient must fit as well. `filter` may be null, here and below. */
bool filter_fits_message(const struct queue_filter *filter, const struct queue_entry *e);
/* An open one of a message that fits. */
bool filter_fits_recipient(const struct queue_filter *filter, const struct queue_entry *e, const struct queue_recipient *r);

#endif
