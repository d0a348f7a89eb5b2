/* webui/answer.c: status, headers and bytes to the library. */
#include "webui/answer.h"

#include <microhttpd.h>

#include "api/plain.h"
#include "webui/negotiate.h"
#include "webui/security.h"

void answer_problem(struct answer *a, struct request *r, int status, const char *code, const char *detail)
{
	const struct api_problem problem = { .status = status, .code = code, .detail = detail, .origin = r->api.origin, .instance = r->api.path, .request_id = span_str(r->id.text) };
	struct buf text;

	buf_init(&text, REQUEST_ARENA_MAX);
	api_problem_write(&problem, &text);
	*a = (struct answer){ .status = status, .content_type = "application/problem+json", .body = arena_copy(&r->arena, buf_span(&text)) };
	buf_clear(&text);
	if (status == 405)
		a->allow = "GET, HEAD";
}

static void add(struct MHD_Response *m, const char *name, const char *value)
{
	MHD_add_response_header(m, name, value);
}

/* Of the API: the tag belongs to the form that is sent. True: it has said how long the answer may be kept. */
static bool add_headers(struct MHD_Response *m, struct request *r, const struct answer *a)
{
	bool says_cache = false;

	for (size_t i = 0; i < a->response->header_count; i++) {
		const struct api_header *h = &a->response->headers[i];
		bool is_tag = strcmp(h->name, "ETag") == 0;
		struct span value = h->value;
		const char *text;

		says_cache = says_cache || strcmp(h->name, "Cache-Control") == 0;
		if (is_tag && (a->gzip || (a->status == 304 && r->knows_gzip)))
			value = etag_gzip(&r->arena, value);
		if (span_cstr(&r->arena, value, &text) == ERR_OK)
			add(m, h->name, text);
	}
	return says_cache;
}

static void add_all(struct MHD_Response *m, struct request *r, const struct answer *a)
{
	for (size_t i = 0; i < security_headers_count; i++)
		add(m, security_headers[i].name, security_headers[i].value);
	if (r->entrance.secure && r->entrance.signed_elsewhere)
		add(m, "Strict-Transport-Security", SECURITY_HSTS);
	add(m, "X-Request-Id", r->id.text);
	if (a->content_type)
		add(m, "Content-Type", a->content_type);
	if (a->gzip)
		add(m, "Content-Encoding", "gzip");
	if (a->varies)
		add(m, "Vary", "Accept-Encoding");
	if (a->etag)
		add(m, "ETag", a->etag);
	if (a->location)
		add(m, "Location", a->location);
	if (a->allow)
		add(m, "Allow", a->allow);
	if (a->status == 503 && !a->response)
		add(m, "Retry-After", "1");
	if (!a->response || !add_headers(m, r, a))
		add(m, "Cache-Control", a->cache_control ? a->cache_control : "no-store");
}

bool answer_queue(struct MHD_Connection *c, struct request *r, const struct answer *a, struct MHD_Response *stream)
{
	struct MHD_Response *m = stream;
	bool taken;

	if (!m)
		m = MHD_create_response_from_buffer(a->body.len, (void *)(uintptr_t)a->body.ptr, MHD_RESPMEM_PERSISTENT);
	if (!m)
		return false;
	add_all(m, r, a);
	if (stream)
		add(m, "Connection", "close"); /* its end is the connection's */
	taken = MHD_queue_response(c, (unsigned)a->status, m) == MHD_YES;
	MHD_destroy_response(m);
	return taken;
}
