/* api/openapi_get.c: /openapi.json: what this API takes and answers. */
#include "api/openapi.h"
#include "api/reply.h"
#include "api/resources.h"

void api_openapi_get(struct api_call *c)
{
	struct span known = c->request->if_none_match;
	struct buf text;

	call_header(c, "ETag", openapi_etag());
	if (known.len > 0 && reply_tag_matches(known, openapi_etag(), true)) {
		c->response->status = 304;
		return;
	}
	buf_init(&text, API_RESPONSE_MAX);
	buf_add(&text, openapi_text());
	call_reply_text(c, 200, "application/json", &text);
}
