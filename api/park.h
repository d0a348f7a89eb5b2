/* api/park.h: calls that wait for a slow answer; internal to api/. */
#ifndef POSTROOM_API_PARK_H
#define POSTROOM_API_PARK_H

#include "api/call.h"

/* After a handler has run: true: the call waits, and resume() will be called; it is not to be touched any more. False: it goes on (c->then),
 * or nothing was asked. */
bool park_waits(struct api_call *c);

#endif
