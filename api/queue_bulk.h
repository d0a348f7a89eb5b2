/* api/queue_bulk.h: the same done to many messages of the queue, as a job; internal to api/. */
#ifndef POSTROOM_API_QUEUE_BULK_H
#define POSTROOM_API_QUEUE_BULK_H

#include "api/jobs.h"
#include "api/queue_filter.h"

/* To all that fit and are there now. The filter is copied. Null: no memory. Its work is queue_bulk_work. */
struct queue_bulk;
struct queue_bulk *queue_bulk_new(const struct api_call *c, enum queue_action action, const struct queue_filter *filter);
extern const struct job_work queue_bulk_work;

#endif
