/* api/queue_view.h: messages of the queue as JSON, and how much of them somebody sees; internal to api/. */
#ifndef POSTROOM_API_QUEUE_VIEW_H
#define POSTROOM_API_QUEUE_VIEW_H

#include "api/reach.h"
#include "daemon/queue/queue.h"

/* A domain admin sees what leaves from or goes to their domains; who sends from there sees all recipients, others those in their domains. */
bool queue_view_shows(const struct reach *r, const struct queue_entry *e);
bool queue_view_shows_recipient(const struct reach *r, const struct queue_entry *e, const struct queue_recipient *to);
/* Steered is only what is seen whole. */
bool queue_view_shows_all(const struct reach *r, const struct queue_entry *e);
struct json_t *queue_view_json(struct api_call *c, const struct reach *r, const struct queue_entry *e);

#endif
