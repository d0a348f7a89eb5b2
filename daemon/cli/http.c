/* cli/http.c: a client for our own server (RFC 9110, RFC 9112): one request a connection.
 *
 *   body:  Content-Length | chunked | until the end (RFC 9112 6.3)
 */
#include "daemon/cli/http.h"

#include <stdlib.h>

#include "daemon/base/version.h"

#define HEAD_LINES_MAX 100
#define CHUNK_MAX (1u << 30)

struct http {
	struct stream *stream;
	bool chunked, until_end, over;
	uint64_t left; /* of the body, or of the chunk */
	bool in_chunk; /* a chunk has begun: its line end is still to come */
};

static void write_host(const struct target *t, struct buf *head)
{
	if (!t->host[0])
		buf_add_str(head, "Host: localhost\r\n");
	else if (strchr(t->host, ':'))
		buf_addf(head, "Host: [%s]:%u\r\n", t->host, t->port);
	else if (t->port == 443)
		buf_addf(head, "Host: %s\r\n", t->host);
	else
		buf_addf(head, "Host: %s:%u\r\n", t->host, t->port);
}

static void write_head(const struct target *t, const struct http_request *r, struct buf *head)
{
	buf_addf(head, "%s %.*s HTTP/1.1\r\n", r->method, (int)r->path.len, r->path.ptr);
	write_host(t, head);
	buf_addf(head, "User-Agent: postroom/%s\r\nAccept: %s\r\nConnection: close\r\n", POSTROOM_VERSION, r->accept ? r->accept : "application/json");
	if (t->token.len > 0)
		buf_addf(head, "Authorization: Bearer %.*s\r\n", (int)t->token.len, t->token.ptr);
	if (r->if_match)
		buf_addf(head, "If-Match: %s\r\n", r->if_match);
	if (r->idempotency_key)
		buf_addf(head, "Idempotency-Key: %s\r\n", r->idempotency_key);
	if (r->last_event_id)
		buf_addf(head, "Last-Event-ID: %llu\r\n", (unsigned long long)r->last_event_id);
	if (r->content_type)
		buf_addf(head, "Content-Type: %s\r\n", r->content_type);
	if (r->content_type || strcmp(r->method, "GET") != 0)
		buf_addf(head, "Content-Length: %zu\r\n", r->body.len);
	buf_add_str(head, "\r\n");
}

static enum err send_request(struct http *h, const struct target *t, const struct http_request *r, struct note *why)
{
	struct buf head;
	enum err e;

	buf_init(&head, 131072);
	write_head(t, r, &head);
	e = head.failed ? ERR_LIMIT : stream_write(h->stream, buf_span(&head), TARGET_TIMEOUT_MS, why);
	if (e == ERR_OK && r->body.len > 0)
		e = stream_write(h->stream, r->body, TARGET_TIMEOUT_MS, why);
	if (e == ERR_OK)
		e = stream_flush(h->stream, TARGET_TIMEOUT_MS, why);
	buf_wipe(&head);
	return e;
}

static void keep(struct span value, char out[HTTP_VALUE_MAX])
{
	if (value.len < HTTP_VALUE_MAX) {
		memcpy(out, value.ptr, value.len);
		out[value.len] = '\0';
	}
}

static enum err read_field(struct http *h, struct span line, struct http_head *head)
{
	struct span name, value;
	uint64_t length;
	size_t colon;

	if (!span_find_char(line, ':', &colon))
		return ERR_TEMP;
	name = span_take(line, colon);
	value = span_trim(span_skip(line, colon + 1));
	if (span_iequals(name, SPAN("Content-Length"))) {
		if (span_to_u64(value, INT64_MAX, &length) != ERR_OK)
			return ERR_TEMP;
		h->left = length;
		h->until_end = false;
	} else if (span_iequals(name, SPAN("Transfer-Encoding"))) {
		h->chunked = span_iequals(value, SPAN("chunked"));
		return h->chunked ? ERR_OK : ERR_TEMP;
	} else if (span_iequals(name, SPAN("Content-Type"))) {
		keep(value, head->content_type);
	} else if (span_iequals(name, SPAN("ETag"))) {
		keep(value, head->etag);
	} else if (span_iequals(name, SPAN("Retry-After"))) {
		keep(value, head->retry_after);
	}
	return ERR_OK;
}

static enum err read_status(struct http *h, int *status_out, struct note *why)
{
	struct span line;
	uint64_t status;
	enum err e = stream_read_line(h->stream, TARGET_TIMEOUT_MS, &line, why);

	if (e != ERR_OK)
		return e;
	if (!span_starts(line, SPAN("HTTP/1.1 ")) || span_to_u64(span_take(span_skip(line, 9), 3), 999, &status) != ERR_OK || status < 100) {
		note_set(why, "no HTTP answer");
		return ERR_TEMP;
	}
	*status_out = (int)status;
	return ERR_OK;
}

/* The head of one answer; those of 1xx are passed over (RFC 9110 15.2). */
static enum err read_head(struct http *h, struct http_head *head, struct note *why)
{
	struct span line;
	unsigned lines = 0;
	enum err e;

	do {
		*head = (struct http_head){ .status = 0 };
		h->until_end = true;
		e = read_status(h, &head->status, why);
		while (e == ERR_OK && (e = stream_read_line(h->stream, TARGET_TIMEOUT_MS, &line, why)) == ERR_OK && line.len > 0)
			e = lines++ < HEAD_LINES_MAX ? read_field(h, line, head) : ERR_TEMP;
	} while (e == ERR_OK && head->status < 200);
	if (e == ERR_OK && (head->status == 204 || head->status == 304))
		h->over = true;
	return e;
}

enum err http_open(const struct target *t, const struct http_request *request, struct http **out, struct http_head *head, struct note *why)
{
	struct note reason = { "" };
	struct http *h = calloc(1, sizeof *h);
	enum err e;

	if (!h)
		return ERR_TEMP;
	e = target_connect(t, &h->stream, why);
	if (e == ERR_OK) {
		e = send_request(h, t, request, &reason);
		/* A server that refuses a body may answer and close while it is still being sent. */
		if (e == ERR_OK || e == ERR_TEMP)
			e = read_head(h, head, &reason);
		if (e != ERR_OK) {
			note_set(why, "%s: the daemon did not answer: %s", t->host[0] ? t->host : t->socket_path, reason.text);
			e = ERR_TEMP;
		}
	}
	if (e != ERR_OK)
		http_close(&h);
	*out = h;
	return e;
}

/* chunk-size [ chunk-ext ] */
static enum err read_size(struct span line, uint64_t *out)
{
	size_t len = 0;

	*out = 0;
	for (; len < line.len && line.ptr[len] != ';' && line.ptr[len] != ' '; len++) {
		char c = ascii_lower(line.ptr[len]);

		if (!(ascii_is_digit(c) || (c >= 'a' && c <= 'f')) || *out > CHUNK_MAX)
			return ERR_TEMP;
		*out = *out * 16 + (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return len > 0 ? ERR_OK : ERR_TEMP;
}

static enum err next_chunk(struct http *h, struct note *why)
{
	struct span line = { NULL, 0 };
	enum err e = ERR_OK;

	if (h->in_chunk)
		e = stream_read_line(h->stream, TARGET_TIMEOUT_MS, &line, why);
	h->in_chunk = false;
	if (e == ERR_OK)
		e = stream_read_line(h->stream, TARGET_TIMEOUT_MS, &line, why);
	if (e != ERR_OK || read_size(line, &h->left) != ERR_OK)
		return ERR_TEMP;
	h->in_chunk = h->left > 0;
	if (h->in_chunk)
		return ERR_OK;
	while ((e = stream_read_line(h->stream, TARGET_TIMEOUT_MS, &line, why)) == ERR_OK && line.len > 0)
		; /* trailers */
	h->over = e == ERR_OK;
	return e == ERR_OK ? ERR_OK : ERR_TEMP;
}

/* Nothing is left of what was announced. */
static bool is_over(const struct http *h)
{
	return h->over || (!h->chunked && !h->until_end && h->left == 0);
}

enum err http_read(struct http *h, char *to, size_t size, size_t *count_out, int64_t timeout_ms, struct note *why)
{
	bool counted = h->chunked || !h->until_end;
	enum err e = ERR_OK;

	*count_out = 0;
	if (!h->over && h->chunked && h->left == 0)
		e = next_chunk(h, why);
	if (e != ERR_OK || is_over(h))
		return e != ERR_OK ? e : ERR_STATE;
	e = stream_receive(h->stream, to, counted && size > h->left ? (size_t)h->left : size, count_out, timeout_ms, why);
	if (counted)
		h->left -= *count_out;
	if (e != ERR_STATE)
		return e;
	h->over = !counted;
	return counted ? ERR_TEMP : ERR_STATE;
}

enum err http_read_all(struct http *h, struct buf *out, struct note *why)
{
	enum err e = ERR_OK;

	while (e == ERR_OK) {
		char *to = buf_reserve(out, 65536);
		size_t count = 0;

		if (!to)
			return ERR_LIMIT;
		e = http_read(h, to, 65536, &count, TARGET_TIMEOUT_MS, why);
		buf_grew(out, count);
	}
	return e == ERR_STATE ? ERR_OK : e;
}

void http_close(struct http **h)
{
	if (*h)
		stream_close(&(*h)->stream);
	free(*h);
	*h = NULL;
}
