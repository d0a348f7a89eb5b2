/* imap/search_text.c: exact substrings of decoded text by i;unicode-casemap (RFC 5051).
 *
 * A message's text is decoded and case-mapped once, whatever the number of keys, and a key is found in linear time: what a search
 * costs grows with the text plus the keys, not with their product.
 */
#include "daemon/imap/search.h"
#include "daemon/mime/date.h"
#include "daemon/mime/envelope_read.h"
#include "daemon/mime/header.h"
#include "daemon/mime/text.h"

#define SUBJECT_SURELY_WHOLE 256 /* bytes; 4 KiB as written, in the wordiest encoding */
#define KEY_SHORT 64             /* up to here a text is compared as it lies there */

void search_scratch_init(struct search_scratch *x)
{
	message_text_init(&x->text, MESSAGE_TEXT_MAX);
	buf_init(&x->folded, 6 * STORE_HEAD_MAX);
	buf_init(&x->line, 6 * STORE_HEAD_MAX);
	arena_init(&x->arena, IMAP_ARENA_MAX);
}

void search_scratch_next(struct search_scratch *x)
{
	arena_reset(&x->arena);
	message_text_next(&x->text);
}

void search_scratch_clear(struct search_scratch *x)
{
	message_text_clear(&x->text);
	buf_clear(&x->folded);
	buf_clear(&x->line);
	arena_clear(&x->arena);
}

/* Bytes that are their own mapping but for case: ASCII. Each place of the text costs up to the key's length: for short keys. */
static bool has_ascii(struct span text, struct span key)
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
	if (key.len <= KEY_SHORT && span_is_ascii(utf8))
		return has_ascii(utf8, key);
	buf_reset(&x->folded);
	text_casemap(utf8, &x->folded);
	return span_find(buf_span(&x->folded), key, &at);
}

/* What was decoded is given back at once: a thousand keys may ask for fields that fill a header. */
static bool field_has(struct search_scratch *x, struct span raw, struct span key)
{
	bool found = has(x, header_decode(&x->arena, header_unfold(&x->arena, raw)), key);

	arena_reset(&x->arena);
	return found;
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

bool search_text(const struct search_message *m, struct span key, bool header_too)
{
	struct message_text *text = &m->scratch->text;
	size_t at;

	if (!key.len)
		return true; /* RFC 3501 6.4.4: the empty string is in every text */
	if (header_too && span_find(message_text_head(text, m->row->prefix, m->row->head), key, &at))
		return true;
	return span_find(message_text_body(text, m->row->parts, &m->row->body), key, &at);
}

/* "Name <mailbox@host>", as a client shows it; of a group its name. */
static void write_address(struct arena *a, const struct envelope_address *address, struct buf *to)
{
	if (address->name.len)
		buf_add(to, header_decode(a, address->name));
	if (address->name.len)
		buf_add_char(to, ' ');
	if (address->host.ptr)
		buf_add_char(to, '<');
	buf_add(to, address->mailbox);
	if (!address->host.ptr)
		return;
	buf_add_char(to, '@');
	buf_add(to, address->host);
	buf_add_char(to, '>');
}

/* A word lies in one string of the list or in none: what is not in the bytes of a list without encoded words is not in its addresses. */
static bool is_ruled_out(struct span list, struct span key)
{
	size_t at;

	for (size_t i = 0; i < key.len; i++)
		if (!ascii_is_alpha(key.ptr[i]) && !ascii_is_digit(key.ptr[i]))
			return false;
	return key.len && key.len <= KEY_SHORT && span_is_ascii(list) && !span_find(list, SPAN("=?"), &at) && !span_find_char(list, '\\', &at) && !has_ascii(list, key);
}

bool search_address(const struct search_message *m, uint64_t item, struct span key)
{
	struct search_scratch *x = m->scratch;
	struct envelope_address address;
	struct span list;
	bool found = false;

	if (!envelope_list(m->row->envelope, (enum envelope_item)item, &list) || is_ruled_out(list, key))
		return false;
	while (!found && envelope_next(&list, &x->arena, &address)) {
		buf_reset(&x->line);
		write_address(&x->arena, &address, &x->line);
		found = has(x, buf_span(&x->line), key);
		arena_reset(&x->arena);
	}
	return found;
}

bool search_subject_shows(const struct search_message *m, struct span key)
{
	return m->row->subject.len < SUBJECT_SURELY_WHOLE && has(m->scratch, m->row->subject, key);
}

/* The row holds the subject decoded, but of a field of monstrous length only its beginning. */
enum search_answer search_subject(const struct search_message *m, struct span key)
{
	if (has(m->scratch, m->row->subject, key))
		return SEARCH_YES;
	if (m->row->subject.len < SUBJECT_SURELY_WHOLE)
		return SEARCH_NO;
	return m->level < SEARCH_AT_TEXT ? SEARCH_UNSURE : search_header(m, SPAN("Subject"), key) ? SEARCH_YES
												  : SEARCH_NO;
}
