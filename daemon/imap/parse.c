/* imap/parse.c: the tokens of RFC 3501 section 9. */
#include "daemon/imap/parse.h"

#include "daemon/imap/limits.h"
#include "daemon/imap/utf7.h"
#include "daemon/mime/date.h"

/* ATOM-CHAR = any CHAR except "(" ")" "{" SP CTL "%" "*" DQUOTE "\" "]" */
bool parse_is_atom_char(char c)
{
	return c > 0x20 && c < 0x7f && !memchr("(){%*\"\\]", c, 8);
}

bool parse_may(const struct imap_parser *p, enum imap_capability cap)
{
	return !(p->off & CAP_BIT(cap));
}

static bool is_astring_char(char c)
{
	return parse_is_atom_char(c) || c == ']';
}

/* list-char = ATOM-CHAR / list-wildcards / resp-specials */
static bool is_list_char(char c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

void *parse_grow(struct arena *a, void *array, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1) || (array && count < 4)) /* four at first; then at each power of two */
		return array;
	more = arena_array(a, count < 4 ? 4 : count * 2, size);
	if (more && array)
		memcpy(more, array, count * size);
	return more;
}

bool parse_peek(const struct imap_parser *p, char c)
{
	return p->rest.len && p->rest.ptr[0] == c;
}

bool parse_char(struct imap_parser *p, char c)
{
	if (!parse_peek(p, c))
		return false;
	p->rest = span_skip(p->rest, 1);
	return true;
}

enum err parse_expect(struct imap_parser *p, char c)
{
	return parse_char(p, c) ? ERR_OK : ERR_SYNTAX;
}

bool parse_word(struct imap_parser *p, struct span word)
{
	if (!span_istarts(p->rest, word))
		return false;
	if (p->rest.len > word.len && parse_is_atom_char(p->rest.ptr[word.len]) && p->rest.ptr[word.len] != '[')
		return false;
	p->rest = span_skip(p->rest, word.len);
	return true;
}

static enum err take_while(struct imap_parser *p, bool (*is)(char), struct span *out)
{
	size_t n = 0;

	while (n < p->rest.len && is(p->rest.ptr[n]))
		n++;
	*out = span_take(p->rest, n);
	p->rest = span_skip(p->rest, n);
	return n ? ERR_OK : ERR_SYNTAX;
}

enum err parse_atom(struct imap_parser *p, struct span *out)
{
	return take_while(p, parse_is_atom_char, out);
}

/* After ENABLE UTF8=ACCEPT or IMAP4rev2 what is quoted, and a mailbox name, is UTF-8 (RFC 6855 3, RFC 9051 4.3 and 5.1). */
static bool is_utf8(const struct imap_parser *p)
{
	return p->enabled & (ENABLED_UTF8 | ENABLED_REV2);
}

/* Where the quoted string ends, behind its first quote; how many characters are escaped. */
static bool quoted_end(struct span in, size_t *end_out, size_t *escapes_out)
{
	size_t n = 0;

	for (*escapes_out = 0; n < in.len && in.ptr[n] != '"'; n++) {
		if (in.ptr[n] == '\r' || in.ptr[n] == '\n' || in.ptr[n] == 0)
			return false;
		if (in.ptr[n] != '\\')
			continue;
		n++;
		if (n >= in.len || (in.ptr[n] != '"' && in.ptr[n] != '\\'))
			return false;
		(*escapes_out)++;
	}
	*end_out = n;
	return n < in.len;
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE; without UTF-8 on 8-bit is let through, names and charsets judge it where they stand. */
static enum err parse_quoted(struct imap_parser *p, struct span *out)
{
	struct span in = span_skip(p->rest, 1);
	size_t n, escapes, w = 0;
	char *to;

	if (!quoted_end(in, &n, &escapes) || (is_utf8(p) && !span_is_utf8(span_take(in, n))))
		return ERR_SYNTAX;
	p->rest = span_skip(in, n + 1);
	*out = span_take(in, n);
	if (!escapes)
		return ERR_OK;
	to = arena_alloc(p->arena, n);
	if (!to)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i++) {
		if (in.ptr[i] == '\\')
			i++;
		to[w++] = in.ptr[i];
	}
	*out = span_make(to, w);
	return ERR_OK;
}

/* "{" number ["+"] "}" CRLF *OCTET. The reader has made sure that the bytes are there. */
static enum err take_literal(struct imap_parser *p, struct span *out)
{
	struct span in = span_skip(p->rest, 1);
	uint64_t size;
	size_t end;

	if (!span_find_char(span_take(in, 16), '}', &end))
		return ERR_SYNTAX;
	if (span_to_u64(span_take(in, end && in.ptr[end - 1] == '+' ? end - 1 : end), IMAP_COMMAND_MAX, &size))
		return ERR_SYNTAX;
	in = span_skip(in, end + 1);
	if (!span_starts(in, SPAN("\r\n")) || in.len - 2 < size)
		return ERR_SYNTAX;
	*out = span_take(span_skip(in, 2), (size_t)size);
	p->rest = span_skip(in, 2 + (size_t)size);
	return ERR_OK;
}

/* literal: CHAR8 has no NUL */
static enum err parse_literal(struct imap_parser *p, struct span *out)
{
	enum err e = take_literal(p, out);

	return !e && memchr(out->ptr, 0, out->len) ? ERR_SYNTAX : e;
}

enum err parse_string(struct imap_parser *p, struct span *out)
{
	if (parse_peek(p, '"'))
		return parse_quoted(p, out);
	if (parse_peek(p, '{'))
		return parse_literal(p, out);
	return ERR_SYNTAX;
}

enum err parse_value(struct imap_parser *p, struct span *out)
{
	*out = span_make(NULL, 0);
	if (parse_word(p, SPAN("NIL")))
		return ERR_OK;
	return parse_char(p, '~') ? take_literal(p, out) : parse_string(p, out);
}

enum err parse_astring(struct imap_parser *p, struct span *out)
{
	if (parse_peek(p, '"') || parse_peek(p, '{'))
		return parse_string(p, out);
	return take_while(p, is_astring_char, out);
}

static enum err decode_name(struct imap_parser *p, struct span *name)
{
	struct buf utf8;
	enum err e;

	if (span_iequals(*name, SPAN("INBOX"))) {
		*name = SPAN("INBOX");
		return ERR_OK;
	}
	if (name->len > IMAP_LITERAL_MAX)
		return ERR_LIMIT;
	if (is_utf8(p))
		return span_is_utf8(*name) ? ERR_OK : ERR_SYNTAX;
	buf_init(&utf8, 2 * IMAP_LITERAL_MAX);
	e = utf7_decode(*name, &utf8);
	if (e == ERR_SYNTAX && span_is_ascii(*name)) /* the command is one, and the name none */
		e = ERR_DENIED;
	if (!e) {
		*name = arena_copy(p->arena, buf_span(&utf8));
		e = p->arena->failed ? ERR_LIMIT : ERR_OK;
	}
	buf_clear(&utf8);
	return e;
}

enum err parse_mailbox(struct imap_parser *p, struct span *out)
{
	enum err e = parse_astring(p, out);

	return e ? e : decode_name(p, out);
}

enum err parse_list_mailbox(struct imap_parser *p, struct span *out)
{
	enum err e = parse_peek(p, '"') || parse_peek(p, '{') ? parse_string(p, out) : take_while(p, is_list_char, out);

	return e ? e : decode_name(p, out);
}

static bool is_digit(char c)
{
	return ascii_is_digit(c);
}

enum err parse_number64(struct imap_parser *p, uint64_t *out)
{
	struct span digits;
	enum err e = take_while(p, is_digit, &digits);

	if (e)
		return e;
	return span_to_u64(digits, INT64_MAX, out) ? ERR_SYNTAX : ERR_OK;
}

enum err parse_number(struct imap_parser *p, uint32_t *out)
{
	uint64_t n;
	enum err e = parse_number64(p, &n);

	if (e)
		return e;
	if (n > UINT32_MAX)
		return ERR_SYNTAX;
	*out = (uint32_t)n;
	return ERR_OK;
}

/* seq-number = nz-number / "*" */
static enum err parse_seq_number(struct imap_parser *p, uint32_t *out)
{
	enum err e;

	if (parse_char(p, '*')) {
		*out = 0;
		return ERR_OK;
	}
	e = parse_number(p, out);
	return !e && *out == 0 ? ERR_SYNTAX : e;
}

/* sequence-set = (seq-number / seq-range) *("," sequence-set) / "$" (RFC 5182 3) */
enum err parse_set(struct imap_parser *p, struct imap_set *out)
{
	size_t commas = 0;

	*out = (struct imap_set){ .saved = parse_may(p, CAP_SEARCHRES) && parse_char(p, '$') };
	if (out->saved)
		return ERR_OK;
	for (size_t i = 0; i < p->rest.len && (ascii_is_digit(p->rest.ptr[i]) || memchr(",:*", p->rest.ptr[i], 3)); i++)
		commas += p->rest.ptr[i] == ',';
	if (commas >= IMAP_SET_RANGES_MAX)
		return ERR_LIMIT;
	out->ranges = arena_array(p->arena, commas + 1, sizeof *out->ranges);
	if (!out->ranges)
		return ERR_LIMIT;
	do {
		struct imap_range *r = &out->ranges[out->count++];
		enum err e = parse_seq_number(p, &r->first);

		r->last = r->first;
		if (!e && parse_char(p, ':'))
			e = parse_seq_number(p, &r->last);
		if (e)
			return e;
	} while (parse_char(p, ','));
	return ERR_OK;
}

static const struct {
	struct span name;
	uint64_t bit;
} system_flags[] = {
	{ { "Seen", 4 }, FLAG_SEEN },
	{ { "Answered", 8 }, FLAG_ANSWERED },
	{ { "Flagged", 7 }, FLAG_FLAGGED },
	{ { "Deleted", 7 }, FLAG_DELETED },
	{ { "Draft", 5 }, FLAG_DRAFT },
};

/* flag = "\Answered" / ... / flag-keyword; \Recent and unknown system flags can't be set by a client (RFC 3501 2.3.2). */
static enum err parse_flag(struct imap_parser *p, struct imap_flags *out)
{
	bool system = parse_char(p, '\\');
	struct span name;
	enum err e = parse_atom(p, &name);

	if (e)
		return e;
	if (!system) {
		if (out->count >= IMAP_FLAGS_MAX || name.len > IMAP_KEYWORD_LENGTH_MAX)
			return ERR_LIMIT;
		out->keywords[out->count++] = name;
		return ERR_OK;
	}
	for (size_t i = 0; i < sizeof system_flags / sizeof *system_flags; i++)
		if (span_iequals(name, system_flags[i].name)) {
			out->system |= system_flags[i].bit;
			return ERR_OK;
		}
	return ERR_SYNTAX;
}

enum err parse_flags_plain(struct imap_parser *p, struct imap_flags *out)
{
	enum err e;

	*out = (struct imap_flags){ 0, arena_array(p->arena, IMAP_FLAGS_MAX, sizeof *out->keywords), 0 };
	if (!out->keywords)
		return ERR_LIMIT;
	do
		e = parse_flag(p, out);
	while (!e && parse_char(p, ' '));
	return e;
}

enum err parse_flag_list(struct imap_parser *p, struct imap_flags *out)
{
	enum err e = parse_expect(p, '(');

	if (e)
		return e;
	if (parse_char(p, ')')) {
		*out = (struct imap_flags){ 0, NULL, 0 };
		return ERR_OK;
	}
	e = parse_flags_plain(p, out);
	return e ? e : parse_expect(p, ')');
}

/* date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE */
enum err parse_date_time(struct imap_parser *p, int64_t *ms_out, int *offset_out)
{
	struct span text;
	struct date d;

	if (!parse_peek(p, '"') || parse_quoted(p, &text))
		return ERR_SYNTAX;
	if (date_parse_imap(text, &d))
		return ERR_SYNTAX;
	*ms_out = d.unix_ms;
	*offset_out = d.offset_minutes;
	return ERR_OK;
}

/* date = date-text / DQUOTE date-text DQUOTE */
enum err parse_date(struct imap_parser *p, int64_t *day_out)
{
	struct span text;
	enum err e = parse_peek(p, '"') ? parse_quoted(p, &text) : parse_atom(p, &text);

	return !e && date_parse_day(text, day_out) ? ERR_SYNTAX : e;
}
