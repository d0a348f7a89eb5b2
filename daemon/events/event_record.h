/* events/event_record.h: one event as bytes, in memory and in trace.db. */
#ifndef POSTROOM_EVENTS_EVENT_RECORD_H
#define POSTROOM_EVENTS_EVENT_RECORD_H

#include "daemon/events/events.h"

#define EVENT_RECORD_MAX (EVENT_BYTES_MAX + 512u)

/* At most EVENT_RECORD_MAX bytes; values past EVENT_BYTES_MAX in all are cut at a character. */
size_t event_encode(const struct event *event, char out[EVENT_RECORD_MAX]);
/* The id of a record is known only once it is its turn. */
void event_set_id(char *record, uint64_t id);

/* Cuts the first record off *rest; spans point into it. ERR_NOT_FOUND: no more. ERR_CORRUPT. */
enum err event_decode(struct span *rest, struct event *out) MUST_CHECK;

#endif
