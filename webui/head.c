/* webui/head.c: the request head, strictly (RFC 9112 sections 2 to 6). */
#include "webui/head.h"

#define LENGTH_MAX (1ull << 40)
#define METHOD_MAX 16

enum field {
	FIELD_HOST,
	FIELD_CONTENT_LENGTH,
	FIELD_TRANSFER_ENCODING,
	FIELD_EXPECT,
	FIELD_AUTHORIZATION,
	FIELD_COOKIE,
	FIELD_CONTENT_TYPE,
	FIELD_CONTENT_ENCODING,
	FIELD_ORIGIN,
	FIELD_CSRF,
	FIELD_FETCH_SITE,
	FIELD_IDEMPOTENCY_KEY,
	FIELD_LAST_EVENT_ID,
	FIELD_FORWARDED_PROTO,
	FIELD_COUNT
};

/* What stands once: a second one would be read by one side and not by the other. */
static const char *const singles[FIELD_COUNT] = {
	[FIELD_HOST] = "host",
	[FIELD_CONTENT_LENGTH] = "content-length",
	[FIELD_TRANSFER_ENCODING] = "transfer-encoding",
	[FIELD_EXPECT] = "expect",
	[FIELD_AUTHORIZATION] = "authorization",
	[FIELD_COOKIE] = "cookie",
	[FIELD_CONTENT_TYPE] = "content-type",
	[FIELD_CONTENT_ENCODING] = "content-encoding",
	[FIELD_ORIGIN] = "origin",
	[FIELD_CSRF] = "x-csrf-token",
	[FIELD_FETCH_SITE] = "sec-fetch-site",
	[FIELD_IDEMPOTENCY_KEY] = "idempotency-key",
	[FIELD_LAST_EVENT_ID] = "last-event-id",
	[FIELD_FORWARDED_PROTO] = "x-forwarded-proto",
};

struct fields {
	struct head *head;
	unsigned seen; /* bit per enum field */
	struct span host, encoding, expect;
};

/* RFC 9110 5.6.2 */
static bool is_token_char(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!is_token_char(s.ptr[i]))
			return false;
	return s.len > 0;
}

/* No control characters but tab; bytes over 127 are opaque (RFC 9110 5.5). */
static bool is_field_value(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
			return false;
	return true;
}

/* Visible ASCII without a fragment or an encoded NUL. */
static bool is_target(struct span s)
{
	size_t at;

	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f || s.ptr[i] == '#')
			return false;
	return s.len > 0 && !span_find(s, SPAN("%00"), &at);
}

/* origin-form, or absolute-form, which every server must take (RFC 9112 3.2.2). "*" and authorities alone are for proxies. */
static bool split_target(struct head *h)
{
	struct span rest;
	size_t end;

	if (h->target.len > 0 && h->target.ptr[0] == '/')
		return true;
	if (span_istarts(h->target, SPAN("https://")))
		h->wants_secure = true;
	else if (!span_istarts(h->target, SPAN("http://")))
		return false;
	rest = span_skip(h->target, h->wants_secure ? 8 : 7);
	for (end = 0; end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?'; end++)
		if (rest.ptr[end] == '@')
			return false; /* RFC 9110 4.2.4 */
	h->absolute = true;
	h->host = span_take(rest, end);
	h->target = span_make(rest.ptr + end, rest.len - end);
	return h->host.len > 0;
}

static enum head_verdict read_request_line(struct span line, struct head *h)
{
	struct span version;

	if (!span_split(&line, ' ', &h->method) || !span_split(&line, ' ', &h->target) || !span_split(&line, ' ', &version) || line.ptr)
		return HEAD_BAD;
	h->http_11 = span_equals(version, SPAN("HTTP/1.1"));
	if (!h->http_11 && !span_equals(version, SPAN("HTTP/1.0")))
		return HEAD_BAD;
	if (!is_token(h->method) || h->method.len > METHOD_MAX || !is_target(h->target))
		return HEAD_BAD;
	if (h->target.len > HEAD_MAX_TARGET)
		return HEAD_TARGET_LONG;
	return split_target(h) ? HEAD_OK : HEAD_BAD;
}

static bool keep_field(struct fields *f, enum field field, struct span value, struct span line)
{
	if (f->seen & (1u << field))
		return false;
	f->seen |= 1u << field;
	if (field == FIELD_HOST) {
		f->host = value;
		f->head->host_line = span_make(line.ptr, line.len + 2);
	} else if (field == FIELD_TRANSFER_ENCODING) {
		f->encoding = value;
	} else if (field == FIELD_EXPECT) {
		f->expect = value;
	} else if (field == FIELD_CONTENT_LENGTH) {
		return span_to_u64(value, LENGTH_MAX, &f->head->content_length) == ERR_OK;
	}
	return true;
}

static bool read_field(struct fields *f, struct span line)
{
	struct span name, value;
	size_t colon;

	if (!span_find_char(line, ':', &colon))
		return false;
	name = span_take(line, colon);
	value = span_trim(span_make(line.ptr + colon + 1, line.len - colon - 1));
	if (!is_token(name) || !is_field_value(value)) /* obs-fold begins with a blank: no token */
		return false;
	for (unsigned i = 0; i < FIELD_COUNT; i++)
		if (span_iequals(name, span_str(singles[i])))
			return keep_field(f, (enum field)i, value, line);
	return true;
}

static bool has(const struct fields *f, enum field field)
{
	return (f->seen & (1u << field)) != 0;
}

/* RFC 9112 6.1 and 6.3: one way to find the end of the body, or none at all. */
static enum head_verdict judge_coding(const struct fields *f)
{
	struct span rest = f->encoding, last = { NULL, 0 };
	unsigned count = 0, chunked = 0;

	while (span_split(&rest, ',', &last)) {
		last = span_trim(last);
		count++;
		chunked += span_iequals(last, SPAN("chunked"));
	}
	if (!f->head->http_11 || has(f, FIELD_CONTENT_LENGTH) || chunked != 1 || !span_iequals(last, SPAN("chunked")))
		return chunked == 0 && count == 1 && f->head->http_11 && !has(f, FIELD_CONTENT_LENGTH) && is_token(last) ? HEAD_UNKNOWN_CODING : HEAD_BAD;
	f->head->chunked = true;
	return count == 1 ? HEAD_OK : HEAD_UNKNOWN_CODING;
}

static enum head_verdict judge(const struct fields *f)
{
	struct head *h = f->head;

	if (!has(f, FIELD_HOST) && h->http_11)
		return HEAD_BAD;
	if (!h->absolute)
		h->host = f->host;
	if (has(f, FIELD_TRANSFER_ENCODING)) {
		enum head_verdict v = judge_coding(f);

		if (v != HEAD_OK)
			return v;
	}
	if (has(f, FIELD_EXPECT) && h->http_11 && !span_iequals(f->expect, SPAN("100-continue")))
		return HEAD_EXPECTATION;
	return HEAD_OK;
}

/* The next line without its CRLF. HEAD_INCOMPLETE: not there yet. A bare LF, CR or a NUL anywhere is refused at once. */
static enum head_verdict next_line(struct span *rest, struct span *out)
{
	for (size_t i = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '\0' || c == '\n')
			return HEAD_BAD;
		if (c != '\r')
			continue;
		if (i + 1 == rest->len)
			return HEAD_INCOMPLETE;
		if (rest->ptr[i + 1] != '\n')
			return HEAD_BAD;
		*out = span_take(*rest, i);
		*rest = span_make(rest->ptr + i + 2, rest->len - i - 2);
		return HEAD_OK;
	}
	return HEAD_INCOMPLETE;
}

enum head_verdict head_check(struct span in, struct head *out)
{
	struct fields f = { .head = out };
	struct span rest = span_take(in, HEAD_MAX_BYTES), line;
	unsigned count = 0;
	enum head_verdict v;

	*out = (struct head){ 0 };
	v = next_line(&rest, &line);
	if (v == HEAD_INCOMPLETE && rest.len > HEAD_MAX_TARGET + METHOD_MAX + 2)
		return HEAD_TARGET_LONG;
	if (v == HEAD_OK)
		v = read_request_line(line, out);
	out->fields_at = (size_t)(rest.ptr - in.ptr);
	while (v == HEAD_OK) {
		v = next_line(&rest, &line);
		if (v == HEAD_OK && line.len == 0) {
			out->length = (size_t)(rest.ptr - in.ptr);
			return judge(&f);
		}
		if (v == HEAD_OK)
			v = ++count > HEAD_MAX_FIELDS ? HEAD_TOO_LARGE : read_field(&f, line) ? HEAD_OK
											      : HEAD_BAD;
	}
	return v == HEAD_INCOMPLETE && in.len >= HEAD_MAX_BYTES ? HEAD_TOO_LARGE : v;
}

void head_write(const struct head *h, struct span in, struct buf *out)
{
	struct span fields = span_make(in.ptr + h->fields_at, h->length - h->fields_at);
	size_t before;

	if (!h->absolute) {
		buf_add(out, span_take(in, h->length));
		return;
	}
	buf_add(out, h->method);
	buf_add_char(out, ' ');
	if (h->target.len == 0 || h->target.ptr[0] != '/')
		buf_add_char(out, '/');
	buf_add(out, h->target);
	buf_add_str(out, h->http_11 ? " HTTP/1.1\r\nHost: " : " HTTP/1.0\r\nHost: ");
	buf_add(out, h->host);
	buf_add_str(out, "\r\n");
	before = h->host_line.ptr ? (size_t)(h->host_line.ptr - fields.ptr) : 0;
	buf_add(out, span_take(fields, before));
	buf_add(out, span_make(fields.ptr + before + h->host_line.len, fields.len - before - h->host_line.len));
}
