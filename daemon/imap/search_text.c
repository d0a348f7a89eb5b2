/* imap/search_text.c: exact substrings of decoded text by i;unicode-casemap (RFC 5051).
 *
 * A message's text is decoded and case-mapped once, whatever the number of keys, and a key is found in linear time: what a search
 * costs grows with the text plus the keys, not with their product.
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
	buf_init(&x->head, 6 * STORE_HEAD_MAX);
	buf_init(&x->body, 6 * IMAP_SEARCH_TEXT_MAX);
	x->has_head = x->has_body = false;
	arena_init(&x->arena, IMAP_ARENA_MAX);
}

void search_scratch_next(struct search_scratch *x)
{
	arena_reset(&x->arena);
	x->has_head = x->has_body = false;
}

void search_scratch_clear(struct search_scratch *x)
{
	buf_clear(&x->decoded);
	buf_clear(&x->utf8);
	buf_clear(&x->folded);
	buf_clear(&x->head);
	buf_clear(&x->body);
	arena_clear(&x->arena);
}

static bool has(struct search_scratch *x, struct span utf8, struct span key)
{
	size_t at;

	if (!key.len)
		return true;
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

/* Texts stand apart by a NUL, which is in no key. */
static void add_text(struct buf *to, struct span utf8)
{
	text_casemap(utf8, to);
	buf_add_char(to, 0);
}

/* Each field, its name too. */
static void add_fields(struct arena *a, struct span header, struct buf *to)
{
	struct header_field field;

	while (header_next(&header, &field))
		add_text(to, header_decode(a, header_unfold(a, field.whole)));
}

static void add_part(const struct search_message *m, const struct mime_part *part, struct buf *room)
{
	struct search_scratch *x = m->scratch;
	struct span text = body_range(m, part->body_start, part->body_end, room);

	if (!is_plain_encoding(part->encoding)) {
		buf_reset(&x->decoded);
		text_decode_transfer(part->encoding, text, &x->decoded);
		text = buf_span(&x->decoded);
	}
	if (is_ascii_based(part->charset) && span_is_ascii(text)) {
		add_text(&x->body, text);
		return;
	}
	buf_reset(&x->utf8);
	text_decode_charset(part->charset, text, &x->utf8);
	add_text(&x->body, buf_span(&x->utf8));
}

/* At most about IMAP_SEARCH_TEXT_MAX of a message is looked through. */
static void collect_body(const struct search_message *m)
{
	struct search_scratch *x = m->scratch;
	struct mime_message mime;
	struct buf room;

	x->has_body = true;
	buf_reset(&x->body);
	if (mime_parts_decode(m->row->parts, &x->arena, &mime))
		return;
	buf_init(&room, IMAP_SEARCH_TEXT_MAX);
	for (size_t i = 0; i < mime.count && x->body.len < IMAP_SEARCH_TEXT_MAX; i++) {
		const struct mime_part *part = &mime.parts[i];

		if (i && mime.parts[part->parent].kind == MIME_MESSAGE)
			add_fields(&x->arena, body_range(m, part->header_start, part->body_start, &room), &x->body);
		if (part->kind == MIME_LEAF && span_iequals(part->type, SPAN("text")))
			add_part(m, part, &room);
	}
	buf_clear(&room);
}

static bool head_has(const struct search_message *m, struct span key)
{
	struct search_scratch *x = m->scratch;
	size_t at;

	if (!x->has_head) {
		x->has_head = true;
		buf_reset(&x->head);
		add_fields(&x->arena, m->row->prefix, &x->head);
		add_fields(&x->arena, m->row->head, &x->head);
	}
	return span_find(buf_span(&x->head), key, &at);
}

static bool body_has(const struct search_message *m, struct span key)
{
	size_t at;

	if (!m->scratch->has_body)
		collect_body(m);
	return span_find(buf_span(&m->scratch->body), key, &at);
}

bool search_text(const struct search_message *m, struct span key, bool header_too)
{
	if (!key.len)
		return true; /* RFC 3501 6.4.4: the empty string is in every text */
	return (header_too && head_has(m, key)) || body_has(m, key);
}
