/* mime/param.c: parameters of MIME fields; one pass over the field, one pass over the parameters. */
#include "daemon/mime/param.h"

#include "daemon/base/buf.h"
#include "daemon/mime/header.h"
#include "daemon/mime/lex.h"
#include "daemon/mime/text.h"

static bool is_token_char(char c)
{
	return c > 32 && c < 127 && !strchr("()<>@,;:\\\"/[]?=", c);
}

static struct span take_token(struct span *s)
{
	size_t len = 0;
	struct span token;

	while (len < s->len && is_token_char(s->ptr[len]))
		len++;
	token = span_take(*s, len);
	*s = span_skip(*s, len);
	return token;
}

static bool take_char(struct span *s, char c)
{
	lex_skip_cfws(s);
	if (s->len == 0 || s->ptr[0] != c)
		return false;
	*s = span_skip(*s, 1);
	lex_skip_cfws(s);
	return true;
}

/* A quoted string; copied only when it holds a backslash. */
static struct span take_quoted(struct span *s, struct arena *a)
{
	size_t end = 1, len = 0;
	bool escaped = false;
	struct span raw;
	char *copy;

	while (end < s->len && s->ptr[end] != '"') {
		escaped = escaped || s->ptr[end] == '\\';
		end += s->ptr[end] == '\\' ? 2 : 1;
	}
	raw = span_take(span_skip(*s, 1), end - 1);
	*s = span_skip(*s, end + 1);
	if (!escaped)
		return raw;
	copy = arena_alloc(a, raw.len);
	if (!copy)
		return span_make("", 0);
	for (size_t i = 0; i < raw.len; i++) {
		i += raw.ptr[i] == '\\' && i + 1 < raw.len ? 1 : 0;
		copy[len++] = raw.ptr[i];
	}
	return span_make(copy, len);
}

/* Unquoted: to the ';', or to a blank with a comment behind it. Blanks within are kept, as unquoted file names have them. */
static struct span take_plain(struct span *s)
{
	size_t len = 0;
	struct span value;

	while (len < s->len && s->ptr[len] != ';' && !((s->ptr[len] == ' ' || s->ptr[len] == '\t') && len + 1 < s->len && s->ptr[len + 1] == '('))
		len++;
	value = span_trim(span_take(*s, len));
	*s = span_skip(*s, len);
	return value;
}

static void skip_to_semicolon(struct span *s)
{
	size_t at;

	lex_skip_cfws(s);
	*s = span_skip(*s, span_find_char(*s, ';', &at) ? at : s->len);
}

bool param_field_parse(struct span unfolded, bool with_subtype, struct arena *a, struct param_field *out)
{
	struct span s = unfolded;

	out->count = 0;
	out->subtype = span_make("", 0);
	lex_skip_cfws(&s);
	out->type = take_token(&s);
	if (out->type.len == 0 || out->type.len > PARAM_TOKEN_MAX)
		return false;
	if (with_subtype) {
		if (!take_char(&s, '/'))
			return false;
		out->subtype = take_token(&s);
		if (out->subtype.len == 0 || out->subtype.len > PARAM_TOKEN_MAX)
			return false;
	}
	for (skip_to_semicolon(&s); take_char(&s, ';') && out->count < PARAM_MAX; skip_to_semicolon(&s)) {
		struct param *p = &out->params[out->count];

		p->name = take_token(&s);
		if (p->name.len == 0 || !take_char(&s, '='))
			continue;
		p->value = s.len > 0 && s.ptr[0] == '"' ? take_quoted(&s, a) : take_plain(&s);
		out->count++;
	}
	return true;
}

/* "name*", "name*3", "name*3*": which section of `name` it is. A section number past the ceiling is not read (RFC 2231 3). */
static bool section_of(struct span written, struct span name, size_t *section_out, bool *encoded_out)
{
	struct span rest;
	uint64_t number = 0;

	if (!span_istarts(written, name) || written.len == name.len || written.ptr[name.len] != '*')
		return false;
	rest = span_skip(written, name.len + 1);
	*encoded_out = rest.len == 0;
	if (rest.len > 0 && rest.ptr[rest.len - 1] == '*') {
		*encoded_out = true;
		rest.len--;
	}
	if (rest.len > 0 && span_to_u64(rest, PARAM_MAX - 1, &number) != ERR_OK)
		return false;
	*section_out = (size_t)number;
	return true;
}

static void add_percent(struct span s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '%' && lex_hex_byte(span_skip(s, i + 1), &c))
			i += 2;
		buf_add_char(out, c);
	}
}

/* charset'language'text, of the first section. */
static void cut_charset(struct span *value, struct span *charset_out)
{
	size_t first, second;

	if (!span_find_char(*value, '\'', &first) || !span_find_char(span_skip(*value, first + 1), '\'', &second))
		return;
	*charset_out = span_take(*value, first);
	*value = span_skip(*value, first + 1 + second + 1);
}

struct span param_get(const struct param_field *field, struct span name, struct arena *a)
{
	const struct param *sections[PARAM_MAX] = { NULL }, *plain = NULL;
	bool encoded[PARAM_MAX];
	struct span charset = SPAN("utf-8"), result;
	struct buf raw, out;

	for (size_t i = 0; i < field->count; i++) {
		const struct param *p = &field->params[i];
		size_t n;
		bool is_encoded;

		if (!plain && span_iequals(p->name, name))
			plain = p;
		else if (section_of(p->name, name, &n, &is_encoded) && !sections[n]) {
			sections[n] = p;
			encoded[n] = is_encoded;
		}
	}
	if (!sections[0])
		return plain ? header_decode(a, plain->value) : span_make(NULL, 0);
	buf_init(&raw, 64u * 1024u);
	for (size_t n = 0; n < PARAM_MAX && sections[n]; n++) {
		struct span value = sections[n]->value;

		if (n == 0 && encoded[0])
			cut_charset(&value, &charset);
		if (encoded[n])
			add_percent(value, &raw);
		else
			buf_add(&raw, value);
	}
	buf_init(&out, raw.len * 4);
	text_decode_charset(charset, buf_span(&raw), &out);
	result = arena_copy(a, buf_span(&out));
	buf_clear(&raw);
	buf_clear(&out);
	return result;
}
