/* api/domain.h: domains as the handlers of /domains, /export and /apply share them; internal to api/. */
#ifndef POSTROOM_API_DOMAIN_H
#define POSTROOM_API_DOMAIN_H

#include "api/call.h"

struct job;

struct json_t *domain_json(const struct domain *d);
/* What `from` says, into a domain that holds what there is: `all`: what is left out or null has its default, else it stays. The name is not read.
 * ERR_SYNTAX: *field is not right. Spans live as long as `from` and the call. */
enum err domain_read(struct api_call *c, const struct json_t *from, bool all, struct domain *out, const char **field, struct note *why) MUST_CHECK;
/* In the batch, `s` being the directory before; the name is in its normal form. ERR_DENIED: it would shut somebody out whom the caller may not manage. */
enum err domain_change(struct api_call *c, const struct snapshot *s, const struct domain *fresh, struct note *why) MUST_CHECK;
bool domain_is_same(const struct domain *a, const struct domain *b);
/* Is mail to it held, because of its own state or of that of the domain that it stands for? */
bool domain_holds(const struct snapshot *s, struct span name);
/* In the batch: a job that lets go what is held of these domains, and of those that stand for them, when they hold no more: it goes on, or back to its
 * senders. To be begun behind the commit (job_begin). Null without a queue. */
enum err domain_release(struct api_call *c, const struct span *names, size_t count, struct job **out) MUST_CHECK;
/* After the commit: ends what the domain's users are logged in with, when they no longer may. */
void domain_settle(const struct api_context *context, struct span name);

#endif
