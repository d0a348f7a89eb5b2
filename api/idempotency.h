/* api/idempotency.h: Idempotency-Key: a POST that is tried again gets the first answer again; internal to api/. */
#ifndef POSTROOM_API_IDEMPOTENCY_H
#define POSTROOM_API_IDEMPOTENCY_H

#include "api/call.h"

#define IDEMPOTENCY_MS (24 * 60 * 60 * 1000)

/* False: answered: with what is kept, or 409 (the first is still at work), or 422 (the key belongs to another request). */
bool idempotency_enter(struct api_call *c);
/* Keeps the answer as it stands in c->response; part of the open batch. Nothing without a key. */
enum err idempotency_keep(struct api_call *c) MUST_CHECK;
/* At the end of a call; keeps the answer of a handler that had no batch. */
void idempotency_leave(struct api_call *c);

#endif
