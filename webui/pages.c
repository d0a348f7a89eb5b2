/* webui/pages.c: pages from memory; nothing here waits.
 *
 * Plain http, once set up, says /healthz and /readyz, and sends everything else to https: no page, no API, no cookie.
 */
#include "webui/pages.h"

#include <stdlib.h>

#include "api/plain.h"
#include "daemon/net/deflate.h"
#include "webui/negotiate.h"
#include "webui/static_files.h"

#define HTTPS_PORT 443
#define CHALLENGES SPAN("/.well-known/acme-challenge/")
#define FILE_CACHE "no-cache" /* asked for again each time, and mostly answered 304 */

struct packed {
	struct buf bytes; /* empty: not worth it */
	const char *etag;
};

struct pages {
	const struct api_context *api;
	uint16_t https_port;
	struct packed *packed; /* beside static_files */
	struct arena arena;
	struct buf health, ready, not_ready; /* as they are said */
};

static enum err pack(struct pages *p, size_t at)
{
	const struct static_file *f = &static_files[at];
	struct packed *to = &p->packed[at];
	enum err e;

	buf_init(&to->bytes, f->length + 1024);
	if (span_cstr(&p->arena, etag_gzip(&p->arena, span_str(f->etag)), &to->etag) != ERR_OK)
		return ERR_TEMP;
	e = deflate_gzip(span_make((const char *)f->bytes, f->length), DEFLATE_BEST, &to->bytes);
	if (to->bytes.len >= f->length)
		buf_clear(&to->bytes);
	return e;
}

static void write_states(struct pages *p)
{
	buf_init(&p->health, 4096);
	buf_init(&p->ready, 4096);
	buf_init(&p->not_ready, 4096);
	api_health_write(p->api ? p->api->services : NULL, &p->health);
	api_ready_write(true, &p->ready);
	api_ready_write(false, &p->not_ready);
}

enum err pages_new(const struct api_context *api, uint16_t https_port, struct pages **out)
{
	struct pages *p = calloc(1, sizeof *p);
	enum err e = ERR_OK;

	if (!p)
		return ERR_TEMP;
	p->api = api;
	p->https_port = https_port;
	p->packed = calloc(static_files_count, sizeof *p->packed);
	arena_init(&p->arena, 65536 + 256 * static_files_count);
	write_states(p);
	if (!p->packed)
		e = ERR_TEMP;
	for (size_t i = 0; e == ERR_OK && i < static_files_count; i++)
		e = pack(p, i);
	if (e != ERR_OK)
		pages_free(&p);
	else
		*out = p;
	return e;
}

void pages_free(struct pages **p)
{
	if (!*p)
		return;
	for (size_t i = 0; (*p)->packed && i < static_files_count; i++)
		buf_clear(&(*p)->packed[i].bytes);
	free((*p)->packed);
	buf_clear(&(*p)->health);
	buf_clear(&(*p)->ready);
	buf_clear(&(*p)->not_ready);
	arena_clear(&(*p)->arena);
	free(*p);
	*p = NULL;
}

static struct span file_of(struct span path)
{
	if (span_equals(path, SPAN("/")))
		return SPAN("/index.html");
	return span_equals(path, SPAN("/api/docs")) ? SPAN("/docs.html") : path;
}

static bool send_file(const struct pages *p, struct request *r, size_t at, struct answer *out)
{
	const struct static_file *f = &static_files[at];
	const struct packed *packed = &p->packed[at];
	bool gzip = packed->bytes.len > 0 && accepts_gzip(r->accept_encoding);

	*out = (struct answer){ .status = 200, .content_type = f->content_type, .gzip = gzip, .varies = packed->bytes.len > 0, .cache_control = FILE_CACHE, .etag = f->etag };
	out->body = gzip ? buf_span(&packed->bytes) : span_make((const char *)f->bytes, f->length);
	if (gzip)
		out->etag = packed->etag;
	if (etags_have(r->api.if_none_match, span_str(f->etag))) { /* the mark of gzip was taken off: both forms have the same age */
		out->status = 304;
		out->gzip = false;
		out->content_type = NULL;
		out->body = SPAN("");
	}
	return true;
}

static bool send_health(const struct pages *p, struct answer *out)
{
	*out = (struct answer){ .status = 200, .content_type = "application/json", .body = buf_span(&p->health) };
	return true;
}

/* Would mail that comes now be taken? */
static bool send_ready(const struct pages *p, struct answer *out)
{
	bool ready = p->api && p->api->queue && p->api->store;

	*out = (struct answer){ .status = ready ? 200 : 503, .content_type = "application/json", .body = buf_span(ready ? &p->ready : &p->not_ready) };
	return true;
}

static bool send_to_https(const struct pages *p, struct request *r, struct answer *out)
{
	const char *open = r->host.ip.family == NET_IPV6 ? "[" : "", *close = r->host.ip.family == NET_IPV6 ? "]" : "";
	struct span to;

	if (p->https_port == 0) {
		answer_problem(out, r, 404, "not_found", "there is no https port to send you to");
		return true;
	}
	to = arena_printf(&r->arena, "https://%s%.*s%s", open, (int)r->host.name.len, r->host.name.ptr, close);
	if (p->https_port != HTTPS_PORT)
		to = arena_printf(&r->arena, "%.*s:%u", (int)to.len, to.ptr, p->https_port);
	*out = (struct answer){ .status = 308 };
	if (span_cstr(&r->arena, arena_printf(&r->arena, "%.*s%.*s", (int)to.len, to.ptr, (int)r->target.len, r->target.ptr), &out->location) != ERR_OK)
		answer_problem(out, r, 400, "bad_request", "the address is too long");
	return true;
}

/* What stands under its own name, on plain http too. False: nothing does. */
static bool answer_fixed(const struct pages *p, struct request *r, struct answer *out)
{
	struct span path = r->api.path;
	bool health = span_equals(path, SPAN("/healthz")), ready = span_equals(path, SPAN("/readyz"));

	if (!request_is_read(r) && (health || ready)) {
		answer_problem(out, r, 405, "method_not_allowed", "this is only read");
		return true;
	}
	if (health)
		return send_health(p, out);
	if (ready)
		return send_ready(p, out);
	if (!span_starts(path, CHALLENGES))
		return false;
	answer_problem(out, r, 404, "not_found", "no challenge is waiting under that name");
	return true;
}

static bool answer_file(const struct pages *p, struct request *r, struct answer *out)
{
	struct span name = file_of(r->api.path);

	for (size_t i = 0; i < static_files_count; i++) {
		if (!span_equals(name, span_str(static_files[i].path)))
			continue;
		if (request_is_read(r))
			return send_file(p, r, i, out);
		answer_problem(out, r, 405, "method_not_allowed", "this is only read");
		return true;
	}
	return false;
}

bool pages_answer(const struct pages *p, struct request *r, struct answer *out)
{
	struct span path = r->api.path;

	if (answer_fixed(p, r, out))
		return true;
	if (!r->secure && p->api)
		return send_to_https(p, r, out);
	if (answer_file(p, r, out))
		return true;
	if (!span_starts(path, SPAN("/api/")) && !span_equals(path, SPAN("/metrics"))) {
		answer_problem(out, r, 404, "not_found", "there is no such page");
		return true;
	}
	if (p->api)
		return false;
	answer_problem(out, r, 503, "not_set_up", "run postroom setup first");
	return true;
}
