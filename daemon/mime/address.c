/* mime/address.c: envelope paths by the strict grammar of RFC 5321 4.1.2 and RFC 6531 3.3, header lists by a lenient reading of RFC 5322 3.4.
 *
 * Every scan goes forward only; nested comments are counted, not recursed.
 */
#include "daemon/mime/address.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "daemon/base/buf.h"

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

/* atext (RFC 5322 3.2.3) with UTF8-non-ascii (RFC 6531 3.3). */
static bool is_atext(char c)
{
	return ascii_is_alpha(c) || ascii_is_digit(c) || (c & 0x80) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_dot_string(struct span s)
{
	bool dot = true; /* at the start and behind a dot an atom has to follow */

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.' ? dot : !is_atext(s.ptr[i]))
			return false;
		dot = s.ptr[i] == '.';
	}
	return !dot;
}

/* LDH labels of 1 to 63 bytes without a hyphen at their ends (RFC 5321 4.1.2 sub-domain), no dot at the end. */
static bool is_ldh_domain(struct span s)
{
	size_t label = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '.') {
			if (label == 0 || s.ptr[i - 1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!ascii_is_alpha(c) && !ascii_is_digit(c) && (c != '-' || label == 0))
			return false;
		if (++label > LABEL_MAX)
			return false;
	}
	return label > 0 && s.ptr[s.len - 1] != '-';
}

/* U-labels to A-labels. Only LDH, dots and UTF-8 reach the library. */
static enum err domain_to_ascii(struct span in, struct arena *a, struct span *out)
{
	const char *name;
	char *ascii = NULL;
	enum err e;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		if (!(c & 0x80) && !ascii_is_alpha(c) && !ascii_is_digit(c) && c != '-' && c != '.')
			return ERR_SYNTAX;
	}
	if (!span_is_utf8(in))
		return ERR_SYNTAX;
	e = span_cstr(a, in, &name);
	if (e != ERR_OK)
		return e;
	if (idn2_to_ascii_8z(name, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return ERR_SYNTAX;
	*out = arena_copy(a, span_str(ascii));
	idn2_free(ascii);
	return out->ptr ? ERR_OK : ERR_LIMIT;
}

enum err address_domain_normal(struct span in, struct arena *a, struct span *out)
{
	struct span name = in;
	char *lower;

	if (in.len > ADDRESS_DOMAIN_MAX)
		return ERR_LIMIT;
	if (!span_is_ascii(in)) {
		enum err e = domain_to_ascii(in, a, &name);

		if (e != ERR_OK)
			return e;
	}
	if (name.len > ADDRESS_DOMAIN_MAX)
		return ERR_LIMIT;
	if (!is_ldh_domain(name))
		return ERR_SYNTAX;
	lower = arena_alloc(a, name.len);
	if (!lower)
		return ERR_LIMIT;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = ascii_lower(name.ptr[i]);
	*out = span_make(lower, name.len);
	return ERR_OK;
}

/* General-address-literal = Standardized-tag ":" 1*dcontent: no tag but IPv6 is in use; it is read and never ours. */
static enum err general_literal(struct span inside, struct arena *a, struct span *out)
{
	size_t colon;

	if (!span_find_char(inside, ':', &colon) || !is_ldh_domain(span_take(inside, colon)) || inside.len == colon + 1)
		return ERR_SYNTAX;
	for (size_t i = colon + 1; i < inside.len; i++)
		if (inside.ptr[i] < 33 || inside.ptr[i] > 126 || inside.ptr[i] == '[' || inside.ptr[i] == '\\' || inside.ptr[i] == ']')
			return ERR_SYNTAX;
	*out = arena_printf(a, "[%.*s]", (int)inside.len, inside.ptr);
	return out->ptr ? ERR_OK : ERR_LIMIT;
}

/* What stands between the brackets; written back in its one form. RFC 5321 4.1.3 */
static enum err literal_normal(struct span inside, struct arena *a, struct span *out)
{
	const struct span tag = SPAN("IPv6:");
	char text[INET6_ADDRSTRLEN], binary[16];
	bool six = span_istarts(inside, tag);
	struct span addr = six ? span_skip(inside, tag.len) : inside;

	if (inside.len + 2 > ADDRESS_DOMAIN_MAX)
		return ERR_LIMIT;
	if (!six && (inside.len == 0 || !ascii_is_digit(inside.ptr[0])))
		return general_literal(inside, a, out);
	if (addr.len >= sizeof(text) || memchr(addr.ptr, 0, addr.len))
		return ERR_SYNTAX;
	memcpy(text, addr.ptr, addr.len);
	text[addr.len] = '\0';
	if (inet_pton(six ? AF_INET6 : AF_INET, text, binary) != 1 || !inet_ntop(six ? AF_INET6 : AF_INET, binary, text, sizeof(text)))
		return ERR_SYNTAX;
	*out = arena_printf(a, "[%s%s]", six ? "IPv6:" : "", text);
	return out->ptr ? ERR_OK : ERR_LIMIT;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE: printable ASCII and UTF-8, a backslash before any printable ASCII. */
static enum err take_quoted(struct span *in, struct arena *a, struct span *out)
{
	char text[ADDRESS_LOCAL_MAX];
	size_t len = 0, i = 1;

	for (; i < in->len && in->ptr[i] != '"'; i++) {
		if (in->ptr[i] == '\\') {
			i++;
			if (i == in->len || (in->ptr[i] & 0x80))
				return ERR_SYNTAX;
		}
		if (!(in->ptr[i] & 0x80) && (in->ptr[i] < 32 || in->ptr[i] > 126))
			return ERR_SYNTAX;
		if (len == sizeof(text))
			return ERR_LIMIT;
		text[len++] = in->ptr[i];
	}
	/* An empty local part is of the grammar, but no mailbox can be meant by it. */
	if (i >= in->len || len == 0)
		return ERR_SYNTAX;
	*in = span_skip(*in, i + 1);
	*out = arena_copy(a, span_make(text, len));
	return out->ptr ? ERR_OK : ERR_LIMIT;
}

/* Local-part = Dot-string / Quoted-string */
static enum err take_local(struct span *in, struct arena *a, struct span *out)
{
	size_t len = 0;

	if (in->len > 0 && in->ptr[0] == '"')
		return take_quoted(in, a, out);
	while (len < in->len && (is_atext(in->ptr[len]) || in->ptr[len] == '.'))
		len++;
	if (!is_dot_string(span_take(*in, len)))
		return ERR_SYNTAX;
	if (len > ADDRESS_LOCAL_MAX)
		return ERR_LIMIT;
	*out = arena_copy(a, span_take(*in, len));
	*in = span_skip(*in, len);
	return out->ptr ? ERR_OK : ERR_LIMIT;
}

/* ( Domain / address-literal ), up to the first byte that can be of neither. */
static enum err take_domain(struct span *in, struct arena *a, struct span *out)
{
	size_t len = 0;
	enum err e;

	if (in->len > 0 && in->ptr[0] == '[') {
		if (!span_find_char(*in, ']', &len))
			return ERR_SYNTAX;
		e = literal_normal(span_make(in->ptr + 1, len - 1), a, out);
		*in = span_skip(*in, len + 1);
		return e;
	}
	while (len < in->len && in->ptr[len] != '>' && in->ptr[len] != ',' && in->ptr[len] != ':')
		len++;
	e = address_domain_normal(span_take(*in, len), a, out);
	*in = span_skip(*in, len);
	return e;
}

/* A-d-l ":", At-domain *( "," At-domain ): read and ignored (RFC 5321 appendix C). */
static enum err skip_route(struct span *in, struct arena *a)
{
	if (in->len == 0 || in->ptr[0] != '@')
		return ERR_OK;
	for (;;) {
		struct span domain;
		enum err e;

		if (in->len == 0 || in->ptr[0] != '@')
			return ERR_SYNTAX;
		*in = span_skip(*in, 1);
		e = take_domain(in, a, &domain);
		if (e != ERR_OK)
			return e;
		if (in->len == 0 || (in->ptr[0] != ':' && in->ptr[0] != ','))
			return ERR_SYNTAX;
		*in = span_skip(*in, 1);
		if (in->ptr[-1] == ':')
			return ERR_OK;
	}
}

/* Mailbox = Local-part "@" ( Domain / address-literal ) */
static enum err take_mailbox(struct span *in, struct arena *a, struct address *out)
{
	enum err e = take_local(in, a, &out->local);

	if (e != ERR_OK)
		return e;
	if (in->len == 0 || in->ptr[0] != '@')
		return ERR_SYNTAX;
	*in = span_skip(*in, 1);
	return take_domain(in, a, &out->domain);
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">", and "<>" and "<" "Postmaster" ">" */
enum err address_parse_path(struct span in, bool utf8, struct arena *a, struct address *out, size_t *used_out)
{
	const struct span postmaster = SPAN("postmaster");
	struct span rest = in;
	size_t end;
	enum err e;

	*out = (struct address){ { NULL, 0 }, { NULL, 0 } };
	if (span_starts(in, SPAN("<>"))) {
		*used_out = 2;
		return ERR_OK;
	}
	if (span_istarts(in, SPAN("<postmaster>"))) {
		out->local = postmaster;
		*used_out = postmaster.len + 2;
		return ERR_OK;
	}
	if (in.len == 0 || in.ptr[0] != '<' || !span_find_char(in, '>', &end))
		return ERR_SYNTAX;
	rest = span_skip(rest, 1);
	e = skip_route(&rest, a);
	if (e == ERR_OK)
		e = take_mailbox(&rest, a, out);
	if (e != ERR_OK)
		return e;
	if (rest.len == 0 || rest.ptr[0] != '>')
		return ERR_SYNTAX;
	*used_out = (size_t)(rest.ptr - in.ptr) + 1;
	if (!span_is_ascii(span_take(in, *used_out)) && (!utf8 || !span_is_utf8(span_take(in, *used_out))))
		return ERR_SYNTAX;
	return ERR_OK;
}

enum err address_parse(struct span in, struct arena *a, struct address *out)
{
	enum err e;

	*out = (struct address){ { NULL, 0 }, { NULL, 0 } };
	if (!span_is_utf8(in))
		return ERR_SYNTAX;
	e = take_mailbox(&in, a, out);
	return e == ERR_OK && in.len > 0 ? ERR_SYNTAX : e;
}

void address_write(const struct address *addr, struct buf *out)
{
	if (addr->local.len == 0 && addr->domain.len == 0)
		return;
	if (is_dot_string(addr->local)) {
		buf_add(out, addr->local);
	} else {
		buf_add_char(out, '"');
		for (size_t i = 0; i < addr->local.len; i++) {
			if (addr->local.ptr[i] == '"' || addr->local.ptr[i] == '\\')
				buf_add_char(out, '\\');
			buf_add_char(out, addr->local.ptr[i]);
		}
		buf_add_char(out, '"');
	}
	if (addr->domain.len > 0) {
		buf_add_char(out, '@');
		buf_add(out, addr->domain);
	}
}

/* Header lists. What is found is written to `text`, one allocation as long as the field: no byte comes out that did not go in. */
struct list_reader {
	struct span in;
	size_t pos;
	char *text;
	size_t used;
	struct header_address *out;
	size_t count, room;
	bool in_group;
	bool unread;         /* something was there that is of no address */
	struct span comment; /* the last one of this entry, without its parentheses */
};

static bool at_end(const struct list_reader *r)
{
	return r->pos >= r->in.len;
}

static char peek(const struct list_reader *r)
{
	return at_end(r) ? '\0' : r->in.ptr[r->pos];
}

/* A comment with those inside it; one that does not end takes the rest. */
static void list_skip_comment(struct list_reader *r)
{
	size_t depth = 0, start = r->pos + 1;

	for (; !at_end(r); r->pos++) {
		char c = peek(r);

		if (c == '(') {
			depth++;
		} else if (c == ')' && --depth == 0) {
			r->comment = span_trim(span_make(r->in.ptr + start, r->pos - start));
			r->pos++;
			return;
		} else if (c == '\\') {
			r->pos++;
		}
	}
	r->unread = true;
	r->pos = r->in.len; /* a backslash may have been the last byte */
}

/* Blanks and comments, and a ')' that belongs to none; true when there were some. */
static bool list_skip_cfws(struct list_reader *r)
{
	size_t start = r->pos;

	while (!at_end(r)) {
		if (peek(r) == '(')
			list_skip_comment(r);
		else if (peek(r) != '\0' && strchr(" \t\r\n)", peek(r)))
			r->pos++;
		else
			break;
	}
	return r->pos > start;
}

static void put(struct list_reader *r, char c)
{
	r->text[r->used++] = c;
}

/* The text of a quoted string, without its quotes and backslashes. */
static void list_take_quoted(struct list_reader *r)
{
	r->pos++;
	while (!at_end(r) && peek(r) != '"') {
		if (peek(r) == '\\' && r->pos + 1 < r->in.len)
			r->pos++;
		put(r, peek(r));
		r->pos++;
	}
	if (!at_end(r))
		r->pos++;
}

/* A dot joins what is on its sides: "a . b" is one local part. */
static bool list_begins_word(const struct list_reader *r, size_t start)
{
	return peek(r) != '.' && (r->used == start || r->text[r->used - 1] != '.');
}

/* Words up to one of `stops`; blanks between them become one space when `spaces`. *words_out: how many there are, divided by blanks or quotes. */
static struct span list_take_words(struct list_reader *r, const char *stops, bool spaces, size_t *words_out)
{
	size_t start = r->used;
	bool parted = true;

	*words_out = 0;
	for (;;) {
		parted = list_skip_cfws(r) || parted;
		if (at_end(r) || (peek(r) != '\0' && strchr(stops, peek(r))))
			break;
		if (parted && list_begins_word(r, start))
			++*words_out;
		if (parted && spaces && r->used > start)
			put(r, ' ');
		parted = peek(r) == '"';
		if (parted) {
			list_take_quoted(r);
			continue;
		}
		put(r, peek(r));
		r->pos++;
	}
	return span_make(r->text + start, r->used - start);
}

/* dot-atom or domain literal, blanks taken out. Two words are no domain, and the entry then no address. */
static struct span list_take_domain(struct list_reader *r, const char *stops, struct header_address *entry)
{
	struct span name;
	size_t words;

	list_skip_cfws(r);
	if (peek(r) == '[') {
		size_t start = r->used;

		while (!at_end(r) && peek(r) != ']')
			put(r, r->in.ptr[r->pos++]);
		if (!at_end(r))
			put(r, r->in.ptr[r->pos++]);
		return span_make(r->text + start, r->used - start);
	}
	name = list_take_words(r, stops, false, &words);
	if (words > 1) {
		entry->local = span_make(NULL, 0);
		r->unread = true;
	}
	return name;
}

/* Behind an address that was read, or at one that can't be: on to the next separator. */
static void list_skip_entry(struct list_reader *r)
{
	for (;;) {
		list_skip_cfws(r);
		if (at_end(r) || peek(r) == ',' || (peek(r) == ';'))
			return;
		r->unread = true;
		if (peek(r) == '"') {
			size_t used = r->used;

			list_take_quoted(r);
			r->used = used;
		} else {
			r->pos++;
		}
	}
}

static void list_add(struct list_reader *r, const struct header_address *entry)
{
	if (r->count < r->room)
		r->out[r->count++] = *entry;
	else
		r->unread = true;
}

/* angle-addr = "<" [obs-route] addr-spec ">" */
static void list_take_angle(struct list_reader *r, struct header_address *entry)
{
	size_t words, start;

	r->pos++;
	list_skip_cfws(r);
	if (peek(r) == '@') {
		start = r->pos;
		while (!at_end(r) && peek(r) != ':' && peek(r) != '>')
			r->pos++;
		if (peek(r) == ':') {
			entry->route = span_make(r->in.ptr + start, r->pos - start);
			r->unread = true; /* of no address that mail is sent to today */
			r->pos++;
		}
	}
	entry->local = list_take_words(r, "@>,;", false, &words);
	if (peek(r) == '@') {
		r->pos++;
		entry->domain = list_take_domain(r, ">,;", entry);
	}
	r->unread = r->unread || words != 1 || peek(r) != '>';
	while (!at_end(r) && peek(r) != '>' && peek(r) != ',' && peek(r) != ';')
		r->pos++;
	if (peek(r) == '>')
		r->pos++;
}

/* addr-spec without brackets: the words before '@' are read again, without blanks. A comment is the name then (RFC 822 habit). */
static void list_take_spec(struct list_reader *r, size_t entry_pos, size_t entry_used, struct header_address *entry)
{
	size_t words;

	r->pos = entry_pos;
	r->used = entry_used;
	entry->local = list_take_words(r, "@<,;:", false, &words);
	if (words > 1) {
		entry->local = span_make(NULL, 0);
		r->unread = true;
	}
	if (peek(r) == '@') {
		r->pos++;
		entry->domain = list_take_domain(r, ",;<>", entry);
	}
}

/* One entry of the list; the separator behind it is taken too. */
static void list_take_entry(struct list_reader *r)
{
	struct header_address entry = { 0 };
	size_t pos = r->pos, used = r->used, words;

	r->comment = span_make(NULL, 0);
	entry.name = list_take_words(r, "@<,;:", true, &words);
	if (peek(r) == ':' && !r->in_group) {
		r->pos++;
		r->in_group = true;
		entry.group_start = true;
		list_add(r, &entry);
		return;
	}
	if (peek(r) == '<') {
		list_take_angle(r, &entry);
	} else if (entry.name.len > 0 && peek(r) != ':') {
		entry.name = span_make(NULL, 0);
		list_take_spec(r, pos, used, &entry);
	}
	list_skip_entry(r);
	if (entry.name.len == 0)
		entry.name = r->comment;
	if (entry.local.len > 0)
		list_add(r, &entry);
	else if (entry.name.len > 0 || entry.domain.len > 0)
		r->unread = true;
	if (r->in_group && (at_end(r) || peek(r) == ';')) {
		r->in_group = false;
		list_add(r, &(struct header_address){ .group_end = true });
	}
	r->pos++;
}

static enum err list_parse(struct span unfolded, struct arena *a, struct header_address **out, size_t *count_out, bool *whole_out)
{
	struct list_reader r = { .in = unfolded, .room = 2 };

	/* No more entries than separators allow for: a ';' ends an address and its group. */
	for (size_t i = 0; i < unfolded.len && r.room < ADDRESS_LIST_MAX; i++)
		r.room += unfolded.ptr[i] == ',' || unfolded.ptr[i] == ':' ? 1 : unfolded.ptr[i] == ';' ? 2
													: 0;
	if (r.room > ADDRESS_LIST_MAX)
		r.room = ADDRESS_LIST_MAX;
	r.text = arena_alloc(a, unfolded.len);
	r.out = arena_array(a, r.room, sizeof(*r.out));
	if (!r.text || !r.out)
		return ERR_LIMIT;
	while (!at_end(&r) && r.count < r.room)
		list_take_entry(&r);
	if (r.in_group && r.count > 0) { /* the field ended, or the room did, inside a group */
		if (r.count == r.room)
			r.count--;
		list_add(&r, &(struct header_address){ .group_end = true });
	}
	*out = r.out;
	*count_out = r.count;
	*whole_out = !r.unread && at_end(&r);
	return ERR_OK;
}

enum err address_list_parse(struct span unfolded, struct arena *a, struct header_address **out, size_t *count_out)
{
	bool whole;

	return list_parse(unfolded, a, out, count_out, &whole);
}

enum err address_list_parse_strict(struct span unfolded, struct arena *a, struct header_address **out, size_t *count_out)
{
	bool whole;
	enum err e = list_parse(unfolded, a, out, count_out, &whole);

	return e == ERR_OK && !whole ? ERR_SYNTAX : e;
}
