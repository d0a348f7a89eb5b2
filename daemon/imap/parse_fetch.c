/* imap/parse_fetch.c: what FETCH asks for (RFC 3501 6.4.5, RFC 9051 6.4.5).
 *
 * fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")") [SP "(" fetch-modifier *(SP fetch-modifier) ")"]
 */
#include <inttypes.h>

#include "daemon/imap/commands.h"

#include "daemon/imap/limits.h"

/* What the reply calls a section: built once, sent with each message. */
#define LABEL_MAX (128u * 1024u)

static void label_numbers(const struct fetch_item *item, struct buf *label)
{
	for (size_t i = 0; i < item->number_count; i++)
		buf_addf(label, i ? ".%u" : "%u", item->numbers[i]);
	if (item->number_count && item->text != SECTION_ALL)
		buf_add_char(label, '.');
}

/* A name that is not ASCII goes as a literal: it may not be quoted to who has not said UTF8 (RFC 6855 3). */
static void label_field(struct span name, struct buf *label)
{
	bool atom = name.len > 0;

	for (size_t i = 0; i < name.len; i++)
		atom = atom && parse_is_atom_char(name.ptr[i]);
	if (!span_is_ascii(name))
		buf_addf(label, "{%zu}\r\n", name.len);
	if (atom || !span_is_ascii(name)) {
		buf_add(label, name);
		return;
	}
	buf_add_char(label, '"');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '"' || name.ptr[i] == '\\')
			buf_add_char(label, '\\');
		buf_add_char(label, name.ptr[i]);
	}
	buf_add_char(label, '"');
}

static enum err make_label(struct imap_parser *p, struct fetch_item *item)
{
	static const char *const words[] = {
		[SECTION_ALL] = "",
		[SECTION_HEADER] = "HEADER",
		[SECTION_FIELDS] = "HEADER.FIELDS (",
		[SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT (",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME",
	};
	struct buf label;

	buf_init(&label, LABEL_MAX);
	buf_add_str(&label, item->kind == FETCH_BINARY ? "BINARY[" : item->kind == FETCH_BINARY_SIZE ? "BINARY.SIZE["
												     : "BODY[");
	label_numbers(item, &label);
	buf_add_str(&label, words[item->text]);
	for (size_t i = 0; i < item->field_count; i++) {
		if (i)
			buf_add_char(&label, ' ');
		label_field(item->fields[i], &label);
	}
	buf_add_str(&label, item->field_count ? ")]" : "]");
	if (item->partial)
		buf_addf(&label, "<%" PRIu64 ">", item->offset);
	item->label = arena_copy(p->arena, buf_span(&label));
	buf_clear(&label);
	return label.failed || !item->label.ptr ? ERR_LIMIT : ERR_OK;
}

/* section-part = nz-number *("." nz-number); a word may follow behind a "." */
static enum err parse_numbers(struct imap_parser *p, struct fetch_item *item, bool *word_follows)
{
	*word_follows = true;
	if (!p->rest.len || !ascii_is_digit(p->rest.ptr[0]))
		return ERR_OK;
	item->numbers = arena_array(p->arena, IMAP_SECTION_DEPTH_MAX, sizeof *item->numbers);
	if (!item->numbers)
		return ERR_LIMIT;
	do {
		if (!p->rest.len || !ascii_is_digit(p->rest.ptr[0]))
			return ERR_OK; /* "1.HEADER": behind the dot */
		if (item->number_count >= IMAP_SECTION_DEPTH_MAX)
			return ERR_LIMIT;
		if (parse_number(p, &item->numbers[item->number_count]) || item->numbers[item->number_count] == 0)
			return ERR_SYNTAX;
		item->number_count++;
	} while (parse_char(p, '.'));
	*word_follows = false;
	return ERR_OK;
}

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static enum err parse_fields(struct imap_parser *p, struct fetch_item *item)
{
	if (!parse_char(p, ' ') || !parse_char(p, '('))
		return ERR_SYNTAX;
	item->fields = arena_array(p->arena, IMAP_FETCH_FIELDS_MAX, sizeof *item->fields);
	if (!item->fields)
		return ERR_LIMIT;
	do {
		struct span *field = &item->fields[item->field_count];
		enum err e;

		if (item->field_count >= IMAP_FETCH_FIELDS_MAX)
			return ERR_LIMIT;
		e = parse_astring(p, field);
		if (e)
			return e;
		if (memchr(field->ptr, '\r', field->len) || memchr(field->ptr, '\n', field->len))
			return ERR_SYNTAX;
		item->field_count++;
	} while (parse_char(p, ' '));
	return parse_expect(p, ')');
}

/* section-text = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT" / "MIME" (behind a part only) */
static enum err parse_section_word(struct imap_parser *p, struct fetch_item *item)
{
	if (parse_word(p, SPAN("HEADER"))) {
		item->text = SECTION_HEADER;
	} else if (parse_word(p, SPAN("TEXT"))) {
		item->text = SECTION_TEXT;
	} else if (item->number_count && parse_word(p, SPAN("MIME"))) {
		item->text = SECTION_MIME;
	} else if (parse_word(p, SPAN("HEADER.FIELDS"))) {
		item->text = SECTION_FIELDS;
		return parse_fields(p, item);
	} else if (parse_word(p, SPAN("HEADER.FIELDS.NOT"))) {
		item->text = SECTION_FIELDS_NOT;
		return parse_fields(p, item);
	} else {
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

/* "<" number64 "." nz-number64 ">"; without the second number: to the end, as others read it too */
static enum err parse_partial(struct imap_parser *p, struct fetch_item *item)
{
	if (item->kind == FETCH_BINARY_SIZE || !parse_char(p, '<'))
		return ERR_OK;
	item->partial = true;
	item->length = UINT64_MAX;
	if (parse_number64(p, &item->offset))
		return ERR_SYNTAX;
	if (parse_char(p, '.') && (parse_number64(p, &item->length) || item->length == 0))
		return ERR_SYNTAX;
	return parse_expect(p, '>');
}

/* section = "[" [section-text / (section-part ["." section-text])] "]". RFC 3516 has no words in BINARY's; other servers take them, and so clients send them. */
static enum err parse_section(struct imap_parser *p, enum fetch_kind kind, struct fetch_item *item)
{
	bool word_follows;
	enum err e;

	item->kind = kind;
	e = parse_numbers(p, item, &word_follows);
	if (!e && word_follows && (item->number_count || !parse_peek(p, ']')))
		e = parse_section_word(p, item);
	if (!e)
		e = parse_expect(p, ']');
	if (!e)
		e = parse_partial(p, item);
	return e ? e : make_label(p, item);
}

static const struct {
	struct span name;
	struct fetch_item item;
	enum imap_capability capability;
} simple_items[] = {
	{ SPAN("FLAGS"), { .kind = FETCH_FLAGS }, CAP_NONE },
	{ SPAN("UID"), { .kind = FETCH_UID }, CAP_NONE },
	{ SPAN("INTERNALDATE"), { .kind = FETCH_INTERNALDATE }, CAP_NONE },
	{ SPAN("RFC822.SIZE"), { .kind = FETCH_SIZE }, CAP_NONE },
	{ SPAN("ENVELOPE"), { .kind = FETCH_ENVELOPE }, CAP_NONE },
	{ SPAN("BODYSTRUCTURE"), { .kind = FETCH_BODY_STRUCTURE }, CAP_NONE },
	{ SPAN("RFC822"), { .kind = FETCH_SECTION, .text = SECTION_ALL, .label = { "RFC822", 6 } }, CAP_NONE },
	{ SPAN("RFC822.HEADER"), { .kind = FETCH_SECTION, .text = SECTION_HEADER, .peek = true, .label = { "RFC822.HEADER", 13 } }, CAP_NONE },
	{ SPAN("RFC822.TEXT"), { .kind = FETCH_SECTION, .text = SECTION_TEXT, .label = { "RFC822.TEXT", 11 } }, CAP_NONE },
	{ SPAN("MODSEQ"), { .kind = FETCH_MODSEQ }, CAP_CONDSTORE },
	{ SPAN("EMAILID"), { .kind = FETCH_EMAILID }, CAP_OBJECTID },
	{ SPAN("THREADID"), { .kind = FETCH_THREADID }, CAP_OBJECTID },
	{ SPAN("SAVEDATE"), { .kind = FETCH_SAVEDATE }, CAP_SAVEDATE },
};

/* "PREVIEW" [SP "(" "LAZY" *(SP "LAZY") ")"] (RFC 8970 6); another "(" is of the modifiers */
static enum err parse_preview(struct imap_parser *p, struct fetch_item *item)
{
	item->kind = FETCH_PREVIEW;
	if (!span_istarts(p->rest, SPAN(" (LAZY")))
		return ERR_OK;
	p->rest = span_skip(p->rest, sizeof " (" - 1);
	do
		if (!parse_word(p, SPAN("LAZY")))
			return ERR_SYNTAX;
	while (parse_char(p, ' '));
	return parse_expect(p, ')');
}

static enum err parse_binary(struct imap_parser *p, struct fetch_item *item)
{
	enum fetch_kind kind = FETCH_BINARY;

	if (parse_word(p, SPAN("BINARY.SIZE")))
		kind = FETCH_BINARY_SIZE;
	else if (parse_word(p, SPAN("BINARY.PEEK")))
		item->peek = true;
	else if (!parse_word(p, SPAN("BINARY")))
		return ERR_SYNTAX;
	return parse_char(p, '[') ? parse_section(p, kind, item) : ERR_SYNTAX;
}

static enum err imap_parse_fetch_att(struct imap_parser *p, struct fetch_item *item)
{
	for (size_t i = 0; i < sizeof simple_items / sizeof *simple_items; i++)
		if (parse_may(p, simple_items[i].capability) && parse_word(p, simple_items[i].name)) {
			*item = simple_items[i].item;
			return ERR_OK;
		}
	if (parse_word(p, SPAN("BODY"))) {
		if (parse_char(p, '['))
			return parse_section(p, FETCH_SECTION, item);
		item->kind = FETCH_BODY_PLAIN;
		return ERR_OK;
	}
	if (parse_word(p, SPAN("BODY.PEEK")) && parse_char(p, '[')) {
		item->peek = true;
		return parse_section(p, FETCH_SECTION, item);
	}
	if (parse_may(p, CAP_PREVIEW) && parse_word(p, SPAN("PREVIEW")))
		return parse_preview(p, item);
	return parse_may(p, CAP_BINARY) ? parse_binary(p, item) : ERR_SYNTAX;
}

enum err imap_parse_fetch_atts(struct imap_parser *p, struct fetch_item **items_out, size_t *count_out)
{
	enum err e;

	*items_out = NULL;
	*count_out = 0;
	do {
		if (*count_out == IMAP_FETCH_ITEMS_MAX)
			return ERR_LIMIT;
		*items_out = parse_grow(p->arena, *items_out, *count_out, sizeof **items_out);
		e = *items_out ? imap_parse_fetch_att(p, &(*items_out)[(*count_out)++]) : ERR_LIMIT;
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

static bool parse_macro(struct imap_parser *p, union imap_args *out)
{
	static const enum fetch_kind full[] = { FETCH_FLAGS, FETCH_INTERNALDATE, FETCH_SIZE, FETCH_ENVELOPE, FETCH_BODY_PLAIN };

	out->fetch.count = parse_word(p, SPAN("FAST")) ? 3 : parse_word(p, SPAN("ALL")) ? 4
						     : parse_word(p, SPAN("FULL"))      ? 5
											: 0;
	for (size_t i = 0; i < out->fetch.count; i++)
		out->fetch.items[i].kind = full[i];
	return out->fetch.count > 0;
}

/* partial-range = nz-number ":" nz-number / "-" nz-number ":" "-" nz-number (RFC 9394) */
static enum err parse_range(struct imap_parser *p, struct imap_partial *out)
{
	uint32_t first, last;

	out->given = true;
	out->from_end = parse_char(p, '-');
	if (parse_number(p, &first) || !parse_char(p, ':') || parse_char(p, '-') != out->from_end || parse_number(p, &last) || !first || !last)
		return ERR_SYNTAX;
	out->first = first < last ? first : last;
	out->last = first < last ? last : first;
	return ERR_OK;
}

/* fetch-modifier = "CHANGEDSINCE" SP mod-sequence-value / "VANISHED" / "PARTIAL" SP partial-range (RFC 7162, RFC 9394); each once */
static enum err parse_modifier(struct imap_parser *p, union imap_args *out)
{
	enum err e;

	if (!out->fetch.has_since && parse_may(p, CAP_CONDSTORE) && parse_word(p, SPAN("CHANGEDSINCE"))) {
		out->fetch.has_since = true;
		e = parse_expect(p, ' ');
		return e ? e : parse_number64(p, &out->fetch.since);
	}
	if (!out->fetch.vanished && parse_may(p, CAP_QRESYNC) && parse_word(p, SPAN("VANISHED"))) {
		out->fetch.vanished = true;
		return ERR_OK;
	}
	if (!out->fetch.partial.given && parse_may(p, CAP_PARTIAL) && parse_word(p, SPAN("PARTIAL"))) {
		e = parse_expect(p, ' ');
		return e ? e : parse_range(p, &out->fetch.partial);
	}
	return ERR_SYNTAX;
}

static enum err parse_modifiers(struct imap_parser *p, union imap_args *out)
{
	enum err e;

	if (!parse_char(p, ' '))
		return ERR_OK;
	e = parse_expect(p, '(');
	do {
		if (!e)
			e = parse_modifier(p, out);
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* Asked for twice, told once; but each section as often as it is asked for. */
static bool is_repeated(const union imap_args *args, const struct fetch_item *item)
{
	for (size_t i = 0; i < args->fetch.count && !item->label.ptr; i++)
		if (args->fetch.items[i].kind == item->kind)
			return true;
	return false;
}

static enum err parse_items(struct imap_parser *p, union imap_args *out)
{
	const bool list = parse_char(p, '(');
	size_t asked = 0;
	enum err e;

	do {
		struct fetch_item *item = &out->fetch.items[out->fetch.count];

		if (asked++ == IMAP_FETCH_ITEMS_MAX)
			return ERR_LIMIT;
		*item = (struct fetch_item){ .kind = FETCH_FLAGS };
		e = imap_parse_fetch_att(p, item);
		out->fetch.count += !e && !is_repeated(out, item);
	} while (!e && list && parse_char(p, ' '));
	return !e && list ? parse_expect(p, ')') : e;
}

enum err imap_parse_fetch(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_set(p, &out->fetch.set);
	if (!e)
		e = parse_expect(p, ' ');
	if (e)
		return e;
	/* Room for two more: UID and FLAGS that a runner adds. */
	out->fetch.items = arena_array(p->arena, IMAP_FETCH_ITEMS_MAX + 2, sizeof *out->fetch.items);
	if (!out->fetch.items)
		return ERR_LIMIT;
	if (parse_macro(p, out))
		return parse_modifiers(p, out);
	e = parse_items(p, out);
	return e ? e : parse_modifiers(p, out);
}
