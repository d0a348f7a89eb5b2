/* imap/search_text.c: exact substrings of decoded text by i;unicode-casemap (RFC 5051).
 *
 * Plain ASCII, most of all mail, is compared where it lies; all else is decoded, case-mapped, and compared then.
 */
#include "daemon/imap/search.h"
#include "daemon/mime/date.h"
#include "daemon/mime/header.h"
#include "daemon/mime/message.h"
#include "daemon/mime/text.h"

void search_scratch_init(struct search_scratch *x)
{
	buf_init(&x->decoded, IMAP_SEARCH_TEXT_MAX);
	buf_init(&x->utf8, 3 * IMAP_SEARCH_TEXT_MAX);
	buf_init(&x->folded, 6 * IMAP_SEARCH_TEXT_MAX);
	arena_init(&x->arena, IMAP_ARENA_MAX);
}

void search_scratch_clear(struct search_scratch *x)
{
	buf_clear(&x->decoded);
	buf_clear(&x->utf8);
	buf_clear(&x->folded);
	arena_clear(&x->arena);
}

/* Of ASCII text the case map is its upper case. */
static bool ascii_has(struct span text, struct span key)
{
	for (size_t i = 0; i + key.len <= text.len; i++) {
		size_t n = 0;

		while (n < key.len && ascii_upper(text.ptr[i + n]) == key.ptr[n])
			n++;
		if (n == key.len)
			return true;
	}
	return false;
}

static bool has(struct search_scratch *x, struct span utf8, struct span key)
{
	size_t at;

	if (!key.len)
		return true;
	if (span_is_ascii(utf8))
		return ascii_has(utf8, key);
	buf_reset(&x->folded);
	text_casemap(utf8, &x->folded);
	return span_find(buf_span(&x->folded), key, &at);
}

static bool field_has(struct search_scratch *x, struct span raw, struct span key)
{
	return has(x, header_decode(&x->arena, header_unfold(&x->arena, raw)), key);
}

static bool header_has(const struct search_message *m, struct span header, struct span name, struct span key)
{
	struct header_field field;

	while (header_next(&header, &field))
		if (span_iequals(field.name, name) && field_has(m->scratch, field.value, key))
			return true;
	return false;
}

bool search_header(const struct search_message *m, struct span name, struct span key)
{
	return header_has(m, m->row->prefix, name, key) || header_has(m, m->row->head, name, key);
}

/* Any field, its name too. */
static bool fields_have(const struct search_message *m, struct span header, struct span key)
{
	struct header_field field;

	while (header_next(&header, &field))
		if (field_has(m->scratch, field.whole, key))
			return true;
	return false;
}

bool search_sent_day(const struct search_message *m, int64_t *day_out)
{
	struct header_field field;
	struct date date;

	if (!header_find(m->row->head, SPAN("Date"), 0, &field) ||
	    date_parse_header(header_unfold(&m->scratch->arena, field.value), &date))
		return false;
	*day_out = date_day_of(date.unix_ms, date.offset_minutes);
	return true;
}

/* A range of the body; of a file at most the searched length, read into scratch->decoded's neighbour `room`. */
static struct span body_range(const struct search_message *m, uint64_t start, uint64_t end, struct buf *room)
{
	const struct message_body *body = &m->row->body;

	if (end > body->size)
		end = body->size;
	if (start >= end)
		return SPAN("");
	if (end - start > IMAP_SEARCH_TEXT_MAX)
		end = start + IMAP_SEARCH_TEXT_MAX;
	if (!body->path)
		return span_take(span_skip(body->bytes, (size_t)start), (size_t)(end - start));
	buf_reset(room);
	if (m->s->service->body_read(body->path, start, (size_t)(end - start), room))
		return SPAN("");
	return buf_span(room);
}

static bool is_plain_encoding(struct span encoding)
{
	return !encoding.len || span_iequals(encoding, SPAN("7bit")) || span_iequals(encoding, SPAN("8bit")) || span_iequals(encoding, SPAN("binary"));
}

/* Charsets in which ASCII bytes are ASCII characters. */
static bool is_ascii_based(struct span charset)
{
	return !charset.len || span_iequals(charset, SPAN("us-ascii")) || span_iequals(charset, SPAN("utf-8")) ||
	       span_istarts(charset, SPAN("iso-8859-")) || span_istarts(charset, SPAN("windows-125"));
}

static bool part_has(const struct search_message *m, const struct mime_part *part, struct span key, struct buf *room)
{
	struct search_scratch *x = m->scratch;
	struct span text = body_range(m, part->body_start, part->body_end, room);

	if (!is_plain_encoding(part->encoding)) {
		buf_reset(&x->decoded);
		text_decode_transfer(part->encoding, text, &x->decoded);
		text = buf_span(&x->decoded);
	}
	if (is_ascii_based(part->charset) && span_is_ascii(text))
		return has(x, text, key);
	buf_reset(&x->utf8);
	text_decode_charset(part->charset, text, &x->utf8);
	return has(x, buf_span(&x->utf8), key);
}

static bool body_has(const struct search_message *m, struct span key)
{
	struct mime_message mime;
	struct buf room;
	bool found = false;

	if (mime_parts_decode(m->row->parts, &m->scratch->arena, &mime))
		return false;
	buf_init(&room, IMAP_SEARCH_TEXT_MAX);
	for (size_t i = 0; i < mime.count && !found; i++) {
		const struct mime_part *part = &mime.parts[i];

		if (i && mime.parts[part->parent].kind == MIME_MESSAGE)
			found = fields_have(m, body_range(m, part->header_start, part->body_start, &room), key);
		if (!found && part->kind == MIME_LEAF && span_iequals(part->type, SPAN("text")))
			found = part_has(m, part, key, &room);
	}
	buf_clear(&room);
	return found;
}

bool search_text(const struct search_message *m, struct span key, bool header_too)
{
	if (!key.len)
		return true; /* RFC 3501 6.4.4: the empty string is in every text */
	if (header_too && (fields_have(m, m->row->prefix, key) || fields_have(m, m->row->head, key)))
		return true;
	return body_has(m, key);
}
