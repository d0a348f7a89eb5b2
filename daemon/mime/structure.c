/* mime/structure.c: the tree is walked by its links, without recursion. */
#include "daemon/mime/structure.h"

#include <inttypes.h>

#include "daemon/mime/header.h"
#include "daemon/mime/imap_string.h"

#define NIL SPAN("NIL")

/* body-fld-param */
static void add_params(const struct param_field *field, bool add_charset, struct buf *text)
{
	size_t count = field ? field->count : 0;

	if (count == 0 && !add_charset) {
		buf_add(text, NIL);
		return;
	}
	buf_add_char(text, '(');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add_char(text, ' ');
		imap_string_write(field->params[i].name, text);
		buf_add_char(text, ' ');
		imap_string_write(field->params[i].value, text);
	}
	/* RFC 6657 3: text/plain is us-ascii where nothing is said. */
	if (add_charset)
		buf_add_str(text, count > 0 ? " \"charset\" \"us-ascii\"" : "\"charset\" \"us-ascii\"");
	buf_add_char(text, ')');
}

static bool lacks_charset(const struct mime_part *part, const struct param_field *field)
{
	if (!span_iequals(part->type, SPAN("text")) || !span_iequals(part->subtype, SPAN("plain")))
		return false;
	for (size_t i = 0; field && i < field->count; i++)
		if (span_istarts(field->params[i].name, SPAN("charset")))
			return false;
	return true;
}

static void add_text(struct span raw, struct arena *scratch, struct buf *text)
{
	buf_add_char(text, ' ');
	arena_reset(scratch);
	imap_nstring_write(raw.ptr ? header_unfold(scratch, raw) : raw, text);
}

/* body-fld-dsp */
static void add_disposition(struct span raw, struct arena *scratch, struct buf *text)
{
	struct param_field field;

	buf_add_char(text, ' ');
	arena_reset(scratch);
	if (!raw.ptr || !param_field_parse(header_unfold(scratch, raw), false, scratch, &field)) {
		buf_add(text, NIL);
		return;
	}
	buf_add_char(text, '(');
	imap_string_write(field.type, text);
	buf_add_char(text, ' ');
	add_params(&field, false, text);
	buf_add_char(text, ')');
}

/* body-fld-lang = nstring / "(" string *(SP string) ")" */
static void add_language(struct span raw, struct arena *scratch, struct buf *text)
{
	struct span rest, tag;
	size_t count = 0;

	buf_add_char(text, ' ');
	arena_reset(scratch);
	rest = raw.ptr ? header_unfold(scratch, raw) : raw;
	while (rest.ptr && span_split(&rest, ',', &tag)) {
		tag = span_trim(tag);
		if (tag.len == 0)
			continue;
		buf_add_char(text, count++ == 0 ? '(' : ' ');
		imap_string_write(tag, text);
	}
	if (count == 0)
		buf_add(text, NIL);
	else
		buf_add_char(text, ')');
}

void structure_add_part(const struct fields *fields, const struct mime_part *part, const struct param_field *type, struct arena *scratch,
			struct buf *text, struct part_text *out)
{
	out->start = (uint32_t)text->len;
	imap_string_write(part->type, text);
	buf_add_char(text, ' ');
	out->type_end = (uint32_t)text->len;
	imap_string_write(part->subtype, text);
	out->subtype_end = (uint32_t)text->len;
	buf_add_char(text, ' ');
	add_params(type, lacks_charset(part, type), text);
	out->params_end = (uint32_t)text->len;
	add_text(fields->raw[FIELD_CONTENT_ID], scratch, text);
	add_text(fields->raw[FIELD_CONTENT_DESCRIPTION], scratch, text);
	buf_add_char(text, ' ');
	imap_string_write(part->encoding.len > 0 ? part->encoding : SPAN("7bit"), text);
	out->encoding_end = (uint32_t)text->len;
	add_text(fields->raw[FIELD_CONTENT_MD5], scratch, text);
	out->md5_end = (uint32_t)text->len;
	add_disposition(fields->raw[FIELD_CONTENT_DISPOSITION], scratch, text);
	add_language(fields->raw[FIELD_CONTENT_LANGUAGE], scratch, text);
	add_text(fields->raw[FIELD_CONTENT_LOCATION], scratch, text);
	out->end = (uint32_t)text->len;
}

static struct span piece(struct span text, uint32_t from, uint32_t to)
{
	return span_make(text.ptr + from, to - from);
}

/* A container that is a leaf here, for a limit or for lack of a boundary, must not be called one: its grammar asks for children. */
static bool is_hollow(const struct mime_part *p)
{
	return span_iequals(p->type, SPAN("multipart")) ||
	       (span_iequals(p->type, SPAN("message")) && (span_iequals(p->subtype, SPAN("rfc822")) || span_iequals(p->subtype, SPAN("global"))));
}

static void write_leaf(const struct mime_part *p, const struct part_text *t, struct span text, bool extended, struct buf *out)
{
	buf_add_char(out, '(');
	if (is_hollow(p))
		buf_add(out, SPAN("\"application\" \"octet-stream\" NIL"));
	else
		buf_add(out, piece(text, t->start, t->params_end));
	buf_add(out, piece(text, t->params_end, t->encoding_end));
	buf_addf(out, " %" PRIu64, p->body_end - p->body_start);
	if (span_iequals(p->type, SPAN("text")))
		buf_addf(out, " %" PRIu32, p->body_lines);
	if (extended)
		buf_add(out, piece(text, t->encoding_end, t->end));
	buf_add_char(out, ')');
}

/* Up to where the children stand. `child` is the text of a MIME_MESSAGE's child. */
static void write_begin(const struct mime_part *p, const struct part_text *t, const struct part_text *child, struct span text, struct buf *out)
{
	buf_add_char(out, '(');
	if (p->kind != MIME_MESSAGE)
		return;
	buf_add(out, piece(text, t->start, t->encoding_end));
	buf_addf(out, " %" PRIu64 " ", p->body_end - p->body_start);
	buf_add(out, piece(text, child->envelope, child->envelope_end));
	buf_add_char(out, ' ');
}

static void write_end(const struct mime_part *p, const struct part_text *t, struct span text, bool extended, struct buf *out)
{
	if (p->kind == MIME_MESSAGE) {
		buf_addf(out, " %" PRIu32, p->body_lines);
		if (extended)
			buf_add(out, piece(text, t->encoding_end, t->end));
	} else {
		buf_add_char(out, ' ');
		buf_add(out, piece(text, t->type_end, t->subtype_end));
		if (extended) {
			buf_add(out, piece(text, t->subtype_end, t->params_end));
			buf_add(out, piece(text, t->md5_end, t->end));
		}
	}
	buf_add_char(out, ')');
}

bool structure_write(const struct mime_part *parts, const struct part_text *texts, struct span text, bool extended, struct buf *out)
{
	uint32_t i = 0;

	while (!out->failed) {
		if (parts[i].kind != MIME_LEAF) {
			write_begin(&parts[i], &texts[i], &texts[parts[i].first_child], text, out);
			i = parts[i].first_child;
			continue;
		}
		write_leaf(&parts[i], &texts[i], text, extended, out);
		while (i != 0 && parts[i].next_sibling == 0) {
			i = parts[i].parent;
			write_end(&parts[i], &texts[i], text, extended, out);
		}
		if (i == 0)
			break;
		i = parts[i].next_sibling;
	}
	return !out->failed;
}

void structure_write_opaque(uint64_t size_bytes, bool extended, struct buf *out)
{
	buf_addf(out, "(\"application\" \"octet-stream\" NIL NIL NIL \"7bit\" %" PRIu64 "%s)", size_bytes, extended ? " NIL NIL NIL NIL" : "");
}
