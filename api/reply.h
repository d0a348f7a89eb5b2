/* api/reply.h: what of an answer dispatch and commits need besides call.h; internal to api/. */
#ifndef POSTROOM_API_REPLY_H
#define POSTROOM_API_REPLY_H

#include "api/call.h"

/* Forgets what was answered so far. */
void reply_reset(struct api_response *r);
/* Strong: 22 characters of a digest over the body, with quotes. In the arena. */
struct span reply_etag(struct arena *a, struct span body);
/* A problem with several faults. */
void reply_faults(struct api_call *c, int status, const char *code, const char *detail, const struct schema_errors *errors);
/* 429, 503: when to come back. */
void reply_retry_after(struct api_call *c, int64_t seconds);
/* Is `tag` among the entity tags of an If-Match or If-None-Match? `weak`: W/ counts too (RFC 9110 8.8.3.2). */
bool reply_tag_matches(struct span field, struct span tag, bool weak);

#endif
