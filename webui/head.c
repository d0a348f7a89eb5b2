/* webui/head.c: the request head, strictly (RFC 9112 sections 2 to 6). */
#include "webui/head.h"

#define LENGTH_MAX (1ull << 40)

struct fields {
	struct head *head;
	bool has_length, has_encoding;
	unsigned hosts;
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

/* origin-form only: visible ASCII from '/' on; "*" and absolute URIs are for proxies. */
static bool is_target(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f)
			return false;
	return s.len > 0 && s.ptr[0] == '/';
}

static enum err read_request_line(struct span line, struct head *out)
{
	struct span version;

	if (!span_split(&line, ' ', &out->method) || !span_split(&line, ' ', &out->target) || !span_split(&line, ' ', &version) || line.ptr)
		return ERR_SYNTAX;
	out->http_11 = span_equals(version, SPAN("HTTP/1.1"));
	if (!out->http_11 && !span_equals(version, SPAN("HTTP/1.0")))
		return ERR_SYNTAX;
	return is_token(out->method) && out->method.len <= 16 && is_target(out->target) ? ERR_OK : ERR_SYNTAX;
}

static enum err read_field(struct fields *f, struct span line)
{
	struct span name, value;
	size_t colon;

	if (!span_find_char(line, ':', &colon))
		return ERR_SYNTAX;
	name = span_take(line, colon);
	value = span_trim(span_skip(line, colon + 1));
	if (!is_token(name) || !is_field_value(value)) /* obs-fold begins with a blank: no token */
		return ERR_SYNTAX;
	if (span_iequals(name, SPAN("host"))) {
		f->hosts++;
		f->head->host = value;
	} else if (span_iequals(name, SPAN("transfer-encoding"))) {
		f->has_encoding = true;
	} else if (span_iequals(name, SPAN("content-length"))) {
		if (f->has_length || span_to_u64(value, LENGTH_MAX, &f->head->content_length) != ERR_OK)
			return ERR_SYNTAX;
		f->has_length = true;
	}
	return ERR_OK;
}

static enum err judge(const struct fields *f)
{
	if (f->hosts > 1 || (f->head->http_11 && f->hosts == 0))
		return ERR_SYNTAX;
	if (f->has_encoding && f->has_length)
		return ERR_SYNTAX;
	return f->has_encoding ? ERR_DENIED : ERR_OK;
}

/* The next line without its CRLF. ERR_STATE: not there yet. A bare LF, CR or a NUL anywhere is refused at once. */
static enum err next_line(struct span *rest, struct span *out)
{
	for (size_t i = 0; i < rest->len; i++) {
		char c = rest->ptr[i];

		if (c == '\0' || c == '\n')
			return ERR_SYNTAX;
		if (c != '\r')
			continue;
		if (i + 1 == rest->len)
			return ERR_STATE;
		if (rest->ptr[i + 1] != '\n')
			return ERR_SYNTAX;
		*out = span_take(*rest, i);
		*rest = span_skip(*rest, i + 2);
		return ERR_OK;
	}
	return ERR_STATE;
}

enum err head_check(struct span in, struct head *out)
{
	struct fields f = { .head = out };
	struct span rest = span_take(in, HEAD_MAX_BYTES), line;
	unsigned count = 0;
	enum err e;

	*out = (struct head){ 0 };
	e = next_line(&rest, &line);
	if (e == ERR_OK)
		e = read_request_line(line, out);
	while (e == ERR_OK) {
		e = next_line(&rest, &line);
		if (e == ERR_OK && line.len == 0) {
			out->length = (size_t)(rest.ptr - in.ptr);
			return judge(&f);
		}
		if (e == ERR_OK)
			e = ++count > HEAD_MAX_FIELDS ? ERR_LIMIT : read_field(&f, line);
	}
	return e == ERR_STATE && in.len >= HEAD_MAX_BYTES ? ERR_LIMIT : e;
}
