/* api/reply.c: answers: JSON with its entity tag, pages, problems (RFC 9457). */
#include "api/reply.h"

#include <jansson.h>
#include <stdio.h>

#include "api/routes.h"
#include "api/value.h"
#include "daemon/base/encode.h"
#include "daemon/crypto/digest.h"

#define ETAG_CHARS 22
#define TOTAL_MAX 1000
#define DETAIL_MAX 400

void api_response_init(struct api_response *r)
{
	*r = (struct api_response){ .operation = "" };
	arena_init(&r->arena, 256u * 1024u);
	buf_init(&r->body, API_RESPONSE_MAX);
}

void api_response_clear(struct api_response *r)
{
	buf_wipe(&r->body); /* may hold a new token */
	arena_clear(&r->arena);
	r->header_count = 0;
}

void reply_reset(struct api_response *r)
{
	buf_reset(&r->body);
	r->header_count = 0;
	r->content_type = NULL;
}

void call_header(struct api_call *c, const char *name, struct span value)
{
	struct api_response *r = c->response;
	struct span copy = arena_copy(&r->arena, value);

	if (r->header_count < API_HEADERS_MAX && copy.ptr)
		r->headers[r->header_count++] = (struct api_header){ name, copy };
}

void reply_retry_after(struct api_call *c, int64_t seconds)
{
	call_header(c, "Retry-After", arena_printf(&c->arena, "%lld", (long long)(seconds > 0 ? seconds : 1)));
}

struct span reply_etag(struct arena *a, struct span body)
{
	uint8_t digest[SHA256_BYTES];
	struct buf text;
	struct span out;

	crypto_sha256(body, digest);
	buf_init(&text, 64);
	base64url_encode(span_make((const char *)digest, sizeof digest), &text);
	out = arena_printf(a, "\"%.*s\"", ETAG_CHARS, text.ptr);
	buf_clear(&text);
	return out;
}

/* A tag of two parts: the second is of what changes by itself, and no change of the thing depends on it. */
static bool is_tag_of(struct span one, struct span tag)
{
	return one.len == 2 * ETAG_CHARS + 3 && tag.len == ETAG_CHARS + 2 && one.ptr[tag.len - 1] == '.' && span_equals(span_take(one, tag.len - 1), span_take(tag, tag.len - 1));
}

bool reply_tag_matches(struct span field, struct span tag, bool weak)
{
	struct span rest = field, one;

	while (span_split(&rest, ',', &one)) { /* our tags hold no comma */
		one = span_trim(one);
		if (span_equals(one, SPAN("*")))
			return true;
		if (weak && span_starts(one, SPAN("W/")))
			one = span_skip(one, 2);
		if (span_equals(one, tag) || (!weak && is_tag_of(one, tag)))
			return true;
	}
	return false;
}

/* ---- bodies ---- */

static void internal_error(struct api_call *c)
{
	reply_reset(c->response);
	c->response->status = 500;
	c->response->content_type = "application/problem+json";
	buf_add_str(&c->response->body, "{\"title\":\"Internal error\",\"status\":500,\"code\":\"internal\"}\n");
}

static void put_json(struct api_call *c, int status, const char *content_type, json_t *value)
{
	struct api_response *r = c->response;

	buf_reset(&r->body);
	r->status = status;
	r->content_type = content_type;
	if (json_write(value, &r->body))
		buf_add_char(&r->body, '\n');
	else
		internal_error(c);
}

/* GET only: what is sent has a tag, and is not sent to one who has it. `thing`: the tag of what is in it besides what changes by itself; empty: all. */
static void tag_body(struct api_call *c, struct span thing)
{
	struct api_response *r = c->response;
	struct span tag;

	if (r->status != 200 || !span_equals(c->request->method, SPAN("GET")))
		return;
	tag = reply_etag(&c->arena, buf_span(&r->body));
	if (thing.len > 0)
		tag = arena_printf(&c->arena, "%.*s.%.*s", (int)thing.len - 1, thing.ptr, (int)tag.len - 1, tag.ptr + 1);
	call_header(c, "ETag", tag);
	if (c->request->if_none_match.len > 0 && reply_tag_matches(c->request->if_none_match, tag, true)) {
		r->status = 304;
		r->content_type = NULL;
		buf_reset(&r->body);
	}
}

void call_reply_json(struct api_call *c, int status, json_t **value)
{
	put_json(c, status, "application/json", *value);
	json_decref(*value);
	*value = NULL;
	tag_body(c, SPAN(""));
}

void call_reply_beside(struct api_call *c, json_t **thing, const char *name, json_t *beside)
{
	struct span tag;

	put_json(c, 200, "application/json", *thing);
	tag = reply_etag(&c->arena, buf_span(&c->response->body));
	json_object_set_new(*thing, name, beside);
	put_json(c, 200, "application/json", *thing);
	json_decref(*thing);
	*thing = NULL;
	tag_body(c, tag);
}

void call_reply_empty(struct api_call *c)
{
	buf_reset(&c->response->body);
	c->response->status = 204;
	c->response->content_type = NULL;
}

void call_reply_text(struct api_call *c, int status, const char *content_type, struct buf *text)
{
	c->response->status = status;
	c->response->content_type = content_type;
	buf_clear(&c->response->body);
	if (text->failed || text->len > API_RESPONSE_MAX) {
		internal_error(c);
		buf_wipe(text);
		return;
	}
	c->response->body = *text;
	c->response->body.max = API_RESPONSE_MAX;
	buf_init(text, text->max);
	tag_body(c, SPAN(""));
}

/* The same list, from the next cursor on: the path and query as they came, the cursor replaced. */
static void link_next(struct api_call *c, struct span cursor)
{
	struct span rest = c->request->query, pair;
	struct buf link;

	buf_init(&link, 16384);
	buf_add_str(&link, "<");
	buf_add(&link, c->request->path);
	buf_add_char(&link, '?');
	while (rest.len > 0 && span_split(&rest, '&', &pair)) {
		if (pair.len == 0 || span_starts(pair, SPAN("cursor=")))
			continue;
		for (size_t i = 0; i < pair.len; i++) {
			char ch = pair.ptr[i];

			if (ch <= ' ' || ch >= 0x7f || ch == '<' || ch == '>' || ch == '"')
				buf_addf(&link, "%%%02X", (unsigned char)ch);
			else
				buf_add_char(&link, ch);
		}
		buf_add_char(&link, '&');
	}
	buf_add_str(&link, "cursor=");
	buf_add(&link, cursor);
	buf_add_str(&link, ">; rel=\"next\"");
	if (!link.failed)
		call_header(c, "Link", buf_span(&link));
	buf_clear(&link);
}

/* Of each thing only the fields that were asked for. */
static void keep_fields(struct api_call *c, json_t *list)
{
	size_t count, i;
	const struct span *names = call_query_list(c, "fields", &count);
	json_t *item;

	if (count == 0)
		return;
	json_array_foreach(list, i, item)
	{
		json_t *kept = json_object();

		for (size_t n = 0; n < count; n++) {
			json_t *value = json_object_getn(item, names[n].ptr, names[n].len);

			if (value)
				json_object_setn(kept, names[n].ptr, names[n].len, value);
		}
		json_array_set_new(list, i, kept);
	}
}

void call_reply_page(struct api_call *c, struct page *page)
{
	keep_fields(c, page->list);
	json_t *cursor = page->next_cursor.len ? json_span(page->next_cursor) : json_null();
	json_t *out = json_pack("{s:o, s:o}", "data", page->list, "next_cursor", cursor);

	page->list = NULL;
	if (page->total >= 0)
		json_object_set_new(out, "total_estimate", json_integer(page->total < TOTAL_MAX ? page->total : TOTAL_MAX));
	if (page->next_cursor.len)
		link_next(c, page->next_cursor);
	call_reply_json(c, 200, &out);
}

void call_location(struct api_call *c, const char *collection, struct span key)
{
	struct buf path;

	buf_init(&path, 8192);
	buf_addf(&path, "/api/v1/%s/", collection);
	for (size_t i = 0; i < key.len; i++) {
		char ch = key.ptr[i];

		/* RFC 3986 3.3: pchar without the percent sign. */
		if (ascii_is_alpha(ch) || ascii_is_digit(ch) || (ch && strchr("-._~!$&'()*+,;=:@", ch)))
			buf_add_char(&path, ch);
		else
			buf_addf(&path, "%%%02X", (unsigned char)ch);
	}
	if (!path.failed)
		call_header(c, "Location", buf_span(&path));
	buf_clear(&path);
}

/* ---- problems ---- */

static const char *status_title(int status)
{
	static const struct {
		int status;
		const char *title;
	} titles[] = {
		{ 400, "Bad request" },
		{ 401, "Not authenticated" },
		{ 403, "Not allowed" },
		{ 404, "Not found" },
		{ 405, "Method not allowed" },
		{ 409, "Conflict" },
		{ 412, "Changed meanwhile" },
		{ 413, "Too large" },
		{ 415, "Unsupported media type" },
		{ 422, "Not valid" },
		{ 428, "A condition is required" },
		{ 429, "Too many requests" },
		{ 501, "Not there yet" },
		{ 503, "Not available now" },
	};

	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Internal error";
}

static json_t *problem_json(struct api_call *c, int status, const char *code, const char *detail)
{
	const struct api_request *q = c->request;
	const char *title;
	json_t *problem;
	int usual;
	struct span type = arena_printf(&c->arena, "%.*s/api/docs#%s", (int)q->origin.len, q->origin.ptr ? q->origin.ptr : "", code);

	if (!openapi_problem(code, &title, &usual))
		title = status_title(status);
	problem = json_pack("{s:o, s:s, s:i, s:o, s:o, s:s, s:o}", "type", json_span(type), "title", title, "status", status, "detail", json_span(span_str(detail)), "instance", json_span(q->path), "code", code, "request_id", json_span(q->request_id));
	return problem;
}

/* RFC 6901 3: the name as a step of a pointer. What begins with '/' is one already. */
static struct span pointer_to(struct arena *a, const char *name)
{
	char *to = arena_alloc(a, 2 * strlen(name) + 1);
	size_t len = 0;

	if (!to)
		return SPAN("");
	if (*name == '/')
		return arena_copy(a, span_str(name));
	to[len++] = '/';
	for (; *name; name++) {
		if (*name == '~' || *name == '/') {
			to[len++] = '~';
			to[len++] = *name == '~' ? '0' : '1';
		} else {
			to[len++] = *name;
		}
	}
	return span_make(to, len);
}

void call_reply_problem(struct api_call *c, int status, const char *code, const char *pointer, const char *format, ...)
{
	char detail[DETAIL_MAX];
	va_list args;
	json_t *problem;

	va_start(args, format);
	vsnprintf(detail, sizeof detail, format, args);
	va_end(args);
	problem = problem_json(c, status, code, detail);
	if (problem && pointer) {
		struct span at = status == 400 ? span_str(pointer) : pointer_to(&c->arena, pointer); /* 400: a parameter's or header's name */

		json_object_set_new(problem, "errors", json_pack("[{s:o, s:s, s:o}]", "pointer", json_span(at), "code", code, "detail", json_span(span_str(detail))));
	}
	put_json(c, status, "application/problem+json", problem);
	json_decref(problem);
	if (status == 401)
		call_header(c, "WWW-Authenticate", SPAN("Bearer realm=\"postroom\"")); /* RFC 9110 15.5.2, RFC 6750 3 */
}

void reply_faults(struct api_call *c, int status, const char *code, const char *detail, const struct schema_errors *errors)
{
	json_t *problem = problem_json(c, status, code, detail), *list = json_array();

	for (size_t i = 0; i < errors->count; i++)
		json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "pointer", json_span(errors->list[i].pointer), "code", errors->list[i].code, "detail", json_span(errors->list[i].detail)));
	if (problem)
		json_object_set_new(problem, "errors", list);
	else
		json_decref(list);
	put_json(c, status, "application/problem+json", problem);
	json_decref(problem);
}

/* What was looked for, by the last of the collections that the operation's path goes through. */
static const char *subject_of(const struct api_call *c)
{
	static const struct {
		const char *step, *words;
	} subjects[] = {
		{ "admins", "admin" },
		{ "aliases", "alias" },
		{ "app_passwords", "app password" },
		{ "certificates", "certificate" },
		{ "deliveries", "delivery" },
		{ "domains", "domain" },
		{ "jobs", "job" },
		{ "messages", "message" },
		{ "passkeys", "passkey" },
		{ "queue", "message in the queue" },
		{ "refusals", "refusal" },
		{ "relays", "relay host" },
		{ "sessions", "session" },
		{ "submitters", "uid" },
		{ "tokens", "token" },
		{ "users", "user" },
		{ "webhooks", "webhook" },
	};
	struct span rest = c->operation < OP_COUNT ? span_str(routes[c->operation].path) : SPAN(""), step, collection = SPAN("");
	const char *out = "thing";

	while (span_split(&rest, '/', &step)) {
		for (size_t i = 0; span_starts(step, SPAN("{}")) && i < sizeof subjects / sizeof subjects[0]; i++)
			if (span_equals(collection, span_str(subjects[i].step)))
				out = subjects[i].words;
		collection = step;
	}
	return out;
}

void call_reply_error(struct api_call *c, enum err e, const struct note *why)
{
	static const struct {
		int status;
		const char *code, *words;
	} answers[] = {
		[ERR_OK] = { 500, "internal", "an error without a cause" },
		[ERR_SYNTAX] = { 422, "invalid", "the value is not valid" },
		[ERR_STATE] = { 409, "conflict", "this can't be done as things are" },
		[ERR_DENIED] = { 403, "not_allowed", "this is not allowed" },
		[ERR_NOT_FOUND] = { 404, "not_found", "" },
		[ERR_EXISTS] = { 409, "exists", "it exists already" },
		[ERR_LIMIT] = { 422, "limit", "a limit was met" },
		[ERR_TEMP] = { 503, "temporary", "a temporary failure: nothing changed, try again" },
		[ERR_CORRUPT] = { 500, "corrupt", "stored data is damaged" },
	};
	bool has_words = why && why->text[0];

	if (e == ERR_NOT_FOUND && !has_words)
		call_reply_problem(c, answers[e].status, answers[e].code, NULL, "there is no such %s", subject_of(c));
	else
		call_reply_problem(c, answers[e].status, answers[e].code, NULL, "%s", has_words ? why->text : answers[e].words);
	if (e == ERR_TEMP)
		reply_retry_after(c, 5);
}
