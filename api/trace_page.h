/* api/trace_page.h: pages of what the trace has, as far as the caller reaches. Internal to api/. */
#ifndef POSTROOM_API_TRACE_PAGE_H
#define POSTROOM_API_TRACE_PAGE_H

#include "api/call.h"
#include "daemon/events/trace.h"

#define TRACE_PAGE_ANY (-1) /* state, direction */

/* Of the query's sender, recipient, domain, q, state, since and until, and of what the caller reaches. */
struct trace_filter trace_page_filter(struct api_call *c);
/* Answers the call; `show` makes a row. */
void trace_page_reply(struct api_call *c, const struct trace_filter *f, struct json_t *(*show)(struct api_call *c, const struct trace_row *r));

#endif
