/* api/value.h: a JSON value as text; internal to api/. */
#ifndef POSTROOM_API_VALUE_H
#define POSTROOM_API_VALUE_H

#include "daemon/base/buf.h"

struct json_t;

/* Compact. False: it does not fit, or `value` is null; what was added is of no use then. */
bool json_write(const struct json_t *value, struct buf *out);

#endif
