/* cli/ask.c: one operation of the API. */
#include "daemon/cli/ask.h"

#include <sysexits.h>

#include "api/api.h"
#include "api/operation.h"
#include "daemon/cli/value.h"

enum err ask_path(const char *operation, const struct span *holes, size_t count, struct span query, const char **method_out, struct buf *out)
{
	const char *path, *hole;
	size_t filled = 0;

	if (!operation_find(operation, method_out, &path))
		return ERR_SYNTAX;
	for (; (hole = strstr(path, "{}")) && filled < count; path = hole + 2) {
		buf_add(out, span_make(path, (size_t)(hole - path)));
		value_escape(out, holes[filled++]);
	}
	buf_add_str(out, path);
	if (query.len > 0) {
		buf_add_char(out, '?');
		buf_add(out, query);
	}
	if (out->failed)
		return ERR_LIMIT;
	return hole || filled < count ? ERR_SYNTAX : ERR_OK;
}

enum err ask(const struct target *t, const struct http_request *request, struct answer *out, struct note *why)
{
	struct http *h;
	enum err e;

	*out = (struct answer){ .head = { .status = 0 } };
	buf_init(&out->body, API_RESPONSE_MAX + 131072);
	e = http_open(t, request, &h, &out->head, why);
	if (e == ERR_OK)
		e = http_read_all(h, &out->body, why);
	http_close(&h);
	return e;
}

enum err ask_operation(const struct target *t, const char *operation, const struct span *holes, size_t count, struct span query, struct span body, struct answer *out, struct note *why)
{
	struct http_request request = { .content_type = body.len > 0 ? "application/json" : NULL, .body = body };
	struct buf path;
	enum err e;

	*out = (struct answer){ .head = { .status = 0 } };
	buf_init(&path, 131072);
	e = ask_path(operation, holes, count, query, &request.method, &path);
	request.path = buf_span(&path);
	if (e == ERR_OK)
		e = ask(t, &request, out, why);
	else
		note_set(why, "%s: a name is missing, or too long", operation);
	buf_clear(&path);
	return e;
}

void answer_clear(struct answer *a)
{
	buf_wipe(&a->body);
}

int ask_exit_of_err(enum err e)
{
	switch (e) {
	case ERR_OK: return EX_OK;
	case ERR_SYNTAX: return EX_USAGE;
	case ERR_NOT_FOUND: return EX_UNAVAILABLE;
	case ERR_DENIED: return EX_NOPERM;
	case ERR_STATE:
	case ERR_TEMP: return EX_TEMPFAIL;
	case ERR_EXISTS:
	case ERR_LIMIT: return EX_DATAERR;
	case ERR_CORRUPT: return EX_SOFTWARE;
	}
	return EX_SOFTWARE;
}

int ask_exit_of_status(int status)
{
	if (status < 400)
		return EX_OK;
	if (status == 401 || status == 403)
		return EX_NOPERM;
	if (status == 429 || status == 503)
		return EX_TEMPFAIL;
	return status < 500 ? EX_DATAERR : EX_SOFTWARE;
}
