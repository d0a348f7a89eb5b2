/* api/limits.h: how often somebody may ask; internal to api/. */
#ifndef POSTROOM_API_LIMITS_H
#define POSTROOM_API_LIMITS_H

#include "api/call.h"

/* Counts the call (or, `peek`, only looks) and says so in RateLimit fields. False: answered with 429. */
bool limits_take(struct api_call *c, bool peek);

#endif
