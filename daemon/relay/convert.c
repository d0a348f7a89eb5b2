/* relay/convert.c: see convert.h.
 *
 *   scan (is anything in the way?) -> parse -> look at each leaf -> decide -> write
 *
 * The parser's table names each part by its place; what lies between is boundaries, preambles and epilogues. A part is
 *   - a leaf: encoded when its bytes are in the way, else copied. Text is quoted-printable where that is shorter, all else base64;
 *   - a multipart or an embedded message: its parts are looked at, and its Content-Transfer-Encoding can be no other than 7bit or 8bit (RFC 2045 6.4);
 *   - message/global and its kin: encoded as a leaf (RFC 6532 section 3.7).
 *
 * What can't be converted is bounced, by RFC 6152 section 3 (2):
 *   - 8-bit in a header, the message's or a part's: nothing says what characters they are;
 *   - anything in the way below multipart/signed. RFC 1847 section 2.1 has whoever signs make it 7-bit first and everybody else leave it as it is
 *     (RFC 2480: a gateway that has to change it refuses it). Converted, each reader would be shown a forgery; bounced, the sender learns what to do;
 *   - other parts of type message/, multiparts nested too deeply to be looked into, and parts whose bytes are not those that their encoding has.
 * A DKIM signature breaks too. It says nothing to the reader when it fails (RFC 6376 section 6.1), so that is no reason to refuse the mail; the
 * signer could have made it 7-bit (section 5.3).
 */
#include "daemon/relay/convert.h"

#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/mime/header.h"
#include "daemon/mime/message.h"
#include "daemon/relay/recode.h"

#define BLOCK 32768
#define HEADER_MAX (MIME_MAX_HEADER + 1024) /* of a part that must be rewritten */
#define LINE_OCTETS 998                     /* RFC 5322 2.1.1 */

/* What a run of bytes holds. */
struct facts {
	uint64_t size, eightbit, special; /* special: written as three characters in quoted-printable */
	bool binary;                      /* NUL, or CR or LF alone */
	bool long_line;
	/* while looking */
	uint64_t line;
	bool cr;
};

enum label { LABEL_STAYS,
	     LABEL_7BIT,
	     LABEL_8BIT,
	     LABEL_QUOTED,
	     LABEL_BASE64 };

struct work {
	enum label label;
	bool whole;                   /* what is below is not looked at */
	bool typeless, typeless_8bit; /* gets a Content-Type */
};

struct convert {
	struct convert_source from;
	bool keep_8bit, any_length;
	struct arena arena;
	struct mime_message message;
	struct work *work;
	char block[BLOCK];
	struct recode recode;
};

/* ---- reading ---- */

/* look(arg, bytes) for [from, to). */
static enum err read_range(struct convert *c, uint64_t from, uint64_t to, void (*look)(void *arg, struct span bytes), void *arg)
{
	while (from < to) {
		uint64_t left = to - from;
		size_t count;
		enum err e = c->from.read(c->from.arg, from, c->block, left < BLOCK ? (size_t)left : BLOCK, &count);

		if (e != ERR_OK)
			return e;
		if (count == 0)
			return to == UINT64_MAX ? ERR_OK : ERR_CORRUPT;
		look(arg, span_make(c->block, count));
		from += count;
	}
	return ERR_OK;
}

static void look_at_char(struct facts *f, char c)
{
	if (f->cr && c != '\n')
		f->binary = true;
	if (c == '\n') {
		f->binary = f->binary || !f->cr;
		f->line = 0;
	} else if (c != '\r') {
		f->line++;
		f->long_line = f->long_line || f->line > LINE_OCTETS;
		f->eightbit += (c & 0x80) != 0;
		f->special += (c & 0x80) != 0 || c < ' ' || c == '=' || c == 0x7f;
		f->binary = f->binary || c == '\0';
	}
	f->cr = c == '\r';
}

static void look_at(void *arg, struct span bytes)
{
	struct facts *f = arg;

	f->size += bytes.len;
	for (size_t i = 0; i < bytes.len; i++)
		look_at_char(f, bytes.ptr[i]);
}

static enum err find_facts(struct convert *c, uint64_t from, uint64_t to, struct facts *out)
{
	enum err e;

	memset(out, 0, sizeof(*out));
	e = read_range(c, from, to, look_at, out);
	out->binary = out->binary || out->cr;
	return e;
}

static bool are_in_way(const struct convert *c, const struct facts *f)
{
	return f->binary || (f->long_line && c->any_length) || (f->eightbit > 0 && !c->keep_8bit);
}

static void feed(void *arg, struct span bytes)
{
	message_parser_feed(arg, bytes);
}

static enum err parse(struct convert *c)
{
	struct message_parser *parser;
	enum err e = message_parser_begin(&parser);

	if (e != ERR_OK)
		return ERR_TEMP;
	e = read_range(c, 0, UINT64_MAX, feed, parser);
	if (e == ERR_OK && message_parser_finish(parser, &c->arena, &c->message) != ERR_OK)
		e = ERR_TEMP;
	message_parser_end(&parser);
	if (e == ERR_OK)
		c->work = arena_array(&c->arena, c->message.count, sizeof(*c->work));
	return e == ERR_OK && !c->work ? ERR_TEMP : e;
}

/* ---- places ---- */

static uint64_t header_at(const struct convert *c, size_t i)
{
	return i == 0 ? 0 : c->message.header_bytes + c->message.parts[i].header_start;
}

static uint64_t body_at(const struct convert *c, size_t i)
{
	return c->message.header_bytes + c->message.parts[i].body_start;
}

static uint64_t end_of(const struct convert *c, size_t i)
{
	return i == 0 ? c->message.size_bytes : c->message.header_bytes + c->message.parts[i].body_end;
}

/* Parts come in the order of their places; those below one that is taken whole are passed over. */
static size_t next_part(const struct convert *c, size_t i)
{
	uint64_t end = end_of(c, i);
	size_t next = i + 1;

	while (c->work[i].whole && next < c->message.count && header_at(c, next) < end)
		next++;
	return next;
}

/* ---- deciding ---- */

static bool is_one_of(struct span s, const char *a, const char *b)
{
	return span_iequals(span_trim(s), span_str(a)) || span_iequals(span_trim(s), span_str(b));
}

static bool is_identity(struct span encoding)
{
	return span_trim(encoding).len == 0 || is_one_of(encoding, "7bit", "8bit") || is_one_of(encoding, "binary", "binary");
}

static enum err impossible(struct note *why, const char *text)
{
	note_set(why, "%s", text);
	return ERR_SYNTAX;
}

static enum err decide_header(struct convert *c, size_t i, struct note *why)
{
	struct facts f;
	enum err e = find_facts(c, header_at(c, i), body_at(c, i), &f);

	if (e != ERR_OK)
		return e;
	if (!c->keep_8bit && (f.eightbit > 0 || !span_is_ascii(c->message.parts[i].boundary)))
		return impossible(why, i == 0 ? "its header has 8-bit characters" : "the header of a part has 8-bit characters");
	if (f.size > HEADER_MAX)
		return impossible(why, "the header of a part is too long");
	return ERR_OK;
}

static bool has_field(struct convert *c, size_t i, const char *name);

static enum err decide_encoded(struct convert *c, size_t i, const struct facts *f, struct note *why)
{
	const struct mime_part *p = &c->message.parts[i];
	struct work *w = &c->work[i];

	if (span_iequals(p->type, SPAN("multipart")))
		return impossible(why, "a multipart in it can't be looked into");
	if (span_iequals(p->type, SPAN("message")) && !span_istarts(p->subtype, SPAN("global")))
		return impossible(why, "a part of type message has 8-bit or binary text and may not be encoded");
	if (!is_identity(p->encoding))
		return impossible(why, "a part is not encoded as it says");
	w->label = span_iequals(p->type, SPAN("text")) && f->special * 6 <= f->size ? LABEL_QUOTED : LABEL_BASE64;
	w->typeless = !has_field(c, i, "Content-Type");
	w->typeless_8bit = f->eightbit > 0;
	return ERR_OK;
}

static enum err decide_leaf(struct convert *c, size_t i, struct note *why)
{
	struct facts f;
	enum err e = find_facts(c, body_at(c, i), end_of(c, i), &f);

	if (e != ERR_OK)
		return e;
	if (are_in_way(c, &f))
		return decide_encoded(c, i, &f, why);
	if (is_one_of(c->message.parts[i].encoding, "8bit", "binary"))
		c->work[i].label = f.eightbit > 0 ? LABEL_8BIT : LABEL_7BIT;
	return ERR_OK;
}

static bool is_signed(const struct mime_part *p)
{
	return span_iequals(p->type, SPAN("multipart")) && span_iequals(p->subtype, SPAN("signed"));
}

/* Stays as it is, labels too. */
static enum err decide_signed(struct convert *c, size_t i, struct note *why)
{
	struct facts f;
	enum err e = find_facts(c, body_at(c, i), end_of(c, i), &f);

	if (e != ERR_OK)
		return e;
	c->work[i].whole = true;
	return are_in_way(c, &f) ? impossible(why, "a signed part has 8-bit or binary text, and its signature would break") : ERR_OK;
}

static enum err decide_part(struct convert *c, size_t i, struct note *why)
{
	const struct mime_part *p = &c->message.parts[i];
	struct work *w = &c->work[i];
	enum err e = decide_header(c, i, why);

	if (e != ERR_OK)
		return e;
	/* RFC 6532 3.7: may be encoded, and what is in it may have 8-bit headers. */
	w->whole = p->kind == MIME_LEAF || (p->kind == MIME_MESSAGE && span_istarts(p->subtype, SPAN("global")));
	if (w->whole)
		return decide_leaf(c, i, why);
	if (is_signed(p))
		return decide_signed(c, i, why);
	if (!is_identity(p->encoding))
		return impossible(why, "a multipart or message in it is encoded");
	if (is_one_of(p->encoding, "8bit", "binary"))
		w->label = c->keep_8bit ? LABEL_8BIT : LABEL_7BIT;
	return ERR_OK;
}

/* The parser's places are in order; if not, this is no message that we know how to convert. */
static bool are_places_good(const struct convert *c)
{
	uint64_t at = 0;

	for (size_t i = 0; i < c->message.count; i++) {
		if (header_at(c, i) < at || body_at(c, i) < header_at(c, i) || end_of(c, i) < body_at(c, i) || end_of(c, i) > c->message.size_bytes)
			return false;
		at = c->message.parts[i].kind == MIME_LEAF ? end_of(c, i) : body_at(c, i);
	}
	return c->message.count > 0;
}

static enum err decide(struct convert *c, struct note *why)
{
	enum err e = ERR_OK;

	if (!are_places_good(c))
		return impossible(why, "its structure can't be read");
	/* What lies behind the last one that the parser names would pass for structure. */
	if (c->message.count >= MIME_MAX_PARTS)
		return impossible(why, "it has too many parts");
	for (size_t i = 0; i < c->message.count && e == ERR_OK; i = next_part(c, i))
		e = decide_part(c, i, why);
	return e;
}

static struct convert *make(const struct convert_source *from, bool keep_8bit, bool any_length)
{
	struct convert *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->from = *from;
	c->keep_8bit = keep_8bit;
	c->any_length = any_length;
	arena_init(&c->arena, MIME_ARENA_BYTES + MIME_MAX_PARTS * sizeof(*c->work));
	return c;
}

enum err convert_begin(const struct convert_source *from, bool keep_8bit, bool any_length, struct convert **out, struct note *why)
{
	struct convert *c = make(from, keep_8bit, any_length);
	struct facts f;
	enum err e;

	*out = NULL;
	if (!c)
		return ERR_TEMP;
	e = find_facts(c, 0, UINT64_MAX, &f);
	if (e == ERR_OK && are_in_way(c, &f)) {
		e = parse(c);
		if (e == ERR_OK)
			e = decide(c, why);
		if (e == ERR_OK) {
			*out = c;
			return ERR_OK;
		}
	}
	convert_end(&c);
	return e;
}

void convert_end(struct convert **c)
{
	if (!*c)
		return;
	arena_clear(&(*c)->arena);
	free(*c);
	*c = NULL;
}

/* ---- writing ---- */

static void collect(void *arg, struct span bytes)
{
	buf_add(arg, bytes);
}

static enum err read_header(struct convert *c, size_t i, struct buf *out)
{
	enum err e;

	buf_init(out, HEADER_MAX);
	e = read_range(c, header_at(c, i), body_at(c, i), collect, out);
	return e == ERR_OK && out->failed ? ERR_TEMP : e;
}

static bool has_field(struct convert *c, size_t i, const char *name)
{
	struct buf header;
	bool found = read_header(c, i, &header) == ERR_OK && header_count(buf_span(&header), span_str(name)) > 0;

	buf_clear(&header);
	return found;
}

static void recode_part(void *arg, struct span bytes)
{
	recode_add(arg, bytes);
}

static enum err write_range(struct convert *c, enum recode_kind kind, uint64_t from, uint64_t to, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	enum err e, finished;

	recode_begin(&c->recode, kind, c->keep_8bit, write, arg);
	e = read_range(c, from, to, recode_part, &c->recode);
	finished = recode_finish(&c->recode, to == c->message.size_bytes);
	return e == ERR_OK ? finished : e;
}

static void add_field(struct convert *c, const char *text)
{
	recode_add(&c->recode, span_str(text));
}

static bool is_message(const struct convert *c, size_t i)
{
	return i == 0 || c->message.parts[c->message.parts[i].parent].kind == MIME_MESSAGE;
}

static void add_fields(struct convert *c, size_t i, struct span header)
{
	static const char *const labels[] = {
		[LABEL_7BIT] = "Content-Transfer-Encoding: 7bit\r\n",
		[LABEL_8BIT] = "Content-Transfer-Encoding: 8bit\r\n",
		[LABEL_QUOTED] = "Content-Transfer-Encoding: quoted-printable\r\n",
		[LABEL_BASE64] = "Content-Transfer-Encoding: base64\r\n",
	};
	const struct work *w = &c->work[i];

	if (is_message(c, i) && header_count(header, SPAN("MIME-Version")) == 0)
		add_field(c, "MIME-Version: 1.0\r\n");
	/* RFC 1428: what characters they are nobody said. */
	if (w->typeless)
		add_field(c, w->typeless_8bit ? "Content-Type: text/plain; charset=unknown-8bit\r\n" : "Content-Type: text/plain\r\n");
	if (w->label != LABEL_STAYS)
		add_field(c, labels[w->label]);
}

/* The fields without those that are replaced, ours, and the empty line, whether there was one or not. */
static enum err rewrite_header(struct convert *c, size_t i, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	struct header_field field;
	struct buf header;
	enum err e = read_header(c, i, &header);
	struct span rest = buf_span(&header);

	recode_begin(&c->recode, RECODE_CLEAN, c->keep_8bit, write, arg);
	while (e == ERR_OK && header_next(&rest, &field)) {
		if (c->work[i].label != LABEL_STAYS && span_iequals(field.name, SPAN("Content-Transfer-Encoding")))
			continue;
		recode_add(&c->recode, field.whole);
		if (!span_ends(field.whole, SPAN("\n")))
			recode_add(&c->recode, SPAN("\r\n"));
	}
	if (e == ERR_OK) {
		add_fields(c, i, buf_span(&header));
		recode_add(&c->recode, SPAN("\r\n"));
		e = recode_finish(&c->recode, false);
	}
	buf_clear(&header);
	return e;
}

static enum recode_kind kind_of(const struct work *w)
{
	switch (w->label) {
	case LABEL_QUOTED: return RECODE_QUOTED;
	case LABEL_BASE64: return RECODE_BASE64;
	case LABEL_STAYS:
	case LABEL_7BIT:
	case LABEL_8BIT: break;
	}
	return RECODE_COPY;
}

static enum err write_part(struct convert *c, size_t i, uint64_t *at, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	const struct work *w = &c->work[i];
	enum err e = write_range(c, RECODE_CLEAN, *at, header_at(c, i), write, arg);

	if (e == ERR_OK && (i == 0 || w->label != LABEL_STAYS))
		e = rewrite_header(c, i, write, arg);
	else if (e == ERR_OK)
		e = write_range(c, RECODE_CLEAN, header_at(c, i), body_at(c, i), write, arg);
	*at = body_at(c, i);
	if (e == ERR_OK && w->whole) {
		e = write_range(c, kind_of(w), *at, end_of(c, i), write, arg);
		*at = end_of(c, i);
	}
	return e;
}

enum err convert_write(struct convert *c, enum err (*write)(void *arg, struct span bytes), void *arg)
{
	uint64_t at = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->message.count && e == ERR_OK; i = next_part(c, i))
		e = write_part(c, i, &at, write, arg);
	return e == ERR_OK ? write_range(c, RECODE_CLEAN, at, c->message.size_bytes, write, arg) : e;
}

static enum err count_bytes(void *arg, struct span bytes)
{
	uint64_t *size = arg;

	*size += bytes.len;
	return ERR_OK;
}

enum err convert_size(struct convert *c, uint64_t *out)
{
	*out = 0;
	return convert_write(c, count_bytes, out);
}
