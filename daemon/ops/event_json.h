/* ops/event_json.h: an event as watchers and webhooks get it. */
#ifndef POSTROOM_OPS_EVENT_JSON_H
#define POSTROOM_OPS_EVENT_JSON_H

#include "daemon/base/buf.h"
#include "daemon/events/events.h"

/* One line: {"id", "type", "time", "subject", "domain", "data": {...}}. False: no room or memory. */
bool event_json(const struct event *event, struct buf *out);

/* "message.*", "user.changed", "*": is it a pattern of types that there are? */
bool event_pattern_is_known(struct span pattern);
bool event_pattern_fits(struct span pattern, enum event_type type);

#endif
