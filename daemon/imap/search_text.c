/* imap/search_text.c: exact substrings of decoded text by i;unicode-casemap (RFC 5051), and words that are nearly those of a key (mime/fuzzy.h).
 *
 * A message's text is decoded and case-mapped once, whatever the number of keys, and a key is found in linear time: what a search
 * costs grows with the text plus the keys, not with their product.
 */
#include "daemon/imap/search.h"
#include "daemon/mime/date.h"
#include "daemon/mime/envelope_read.h"
#include "daemon/mime/fuzzy.h"
#include "daemon/mime/header.h"
#include "daemon/mime/text.h"
#include "daemon/store/search_words.h"

#define AS_IT_STANDS 100
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

/* The words of a case-mapped text, cut as those of the index are. False: all are there, and as they stand. */
static bool look(const struct fuzzy_key *key, struct span mapped, uint8_t best[FUZZY_WORDS_MAX])
{
	struct search_words words = { .rest = mapped };
	struct span word;

	while (search_word_next(&words, &word))
		if (!fuzzy_look(key, word, best))
			return false;
	return true;
}

void search_pack(struct span text, struct buf *out)
{
	bool behind_blank = false;

	buf_reset(out);
	for (size_t i = 0; i < text.len; i++) {
		const bool is_blank = text.ptr[i] == ' ' || text.ptr[i] == '\t';

		if (!is_blank || !behind_blank)
			buf_add_char(out, is_blank ? ' ' : text.ptr[i]);
		behind_blank = is_blank;
	}
}

static struct span packed(struct search_scratch *x, struct span text)
{
	size_t at;

	if (!span_find_char(text, '\t', &at) && !span_find(text, SPAN("  "), &at))
		return text;
	search_pack(text, &x->line);
	return buf_span(&x->line);
}

static uint8_t has(struct search_scratch *x, struct span utf8, const struct search_node *node)
{
	const struct span key = node->key;
	uint8_t best[FUZZY_WORDS_MAX] = { 0 };
	size_t at;

	if (!key.len)
		return AS_IT_STANDS;
	if (node->op == SEARCH_SUBJECT)
		utf8 = packed(x, utf8);
	if (!node->fuzzy && key.len <= KEY_SHORT && span_is_ascii(utf8))
		return has_ascii(utf8, key) ? AS_IT_STANDS : 0;
	buf_reset(&x->folded);
	text_casemap(utf8, &x->folded);
	if (!node->fuzzy)
		return span_find(buf_span(&x->folded), key, &at) ? AS_IT_STANDS : 0;
	(void)look(node->fuzzy, buf_span(&x->folded), best);
	return fuzzy_score(node->fuzzy, best);
}

/* What was decoded is given back at once: a thousand keys may ask for fields that fill a header. */
static uint8_t field_has(struct search_scratch *x, struct span raw, const struct search_node *node)
{
	uint8_t score = has(x, header_decode(&x->arena, header_unfold_plain(&x->arena, raw)), node);

	arena_reset(&x->arena);
	return score;
}

/* The best of all fields of that name. */
static uint8_t header_has(const struct search_message *m, struct span header, struct span name, const struct search_node *node)
{
	struct header_field field;
	uint8_t best = 0;

	while (best < AS_IT_STANDS && header_next(&header, &field)) {
		const uint8_t score = span_iequals(field.name, name) ? field_has(m->scratch, field.value, node) : 0;

		best = score > best ? score : best;
	}
	return best;
}

uint8_t search_header(const struct search_message *m, struct span name, const struct search_node *node)
{
	const uint8_t in_prefix = header_has(m, m->row->prefix, name, node);
	const uint8_t in_head = in_prefix < AS_IT_STANDS ? header_has(m, m->row->head, name, node) : 0;

	return in_head > in_prefix ? in_head : in_prefix;
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

/* The words may be in both. */
static uint8_t text_score(const struct search_message *m, const struct search_node *node)
{
	struct message_text *text = &m->scratch->text;
	uint8_t best[FUZZY_WORDS_MAX] = { 0 };

	if (node->op == SEARCH_BODY || (look(node->fuzzy, message_text_head(text, m->row->prefix, m->row->head), best) &&
					look(node->fuzzy, message_text_within(text, m->row->parts, &m->row->body), best)))
		(void)look(node->fuzzy, message_text_body(text, m->row->parts, &m->row->body), best);
	return fuzzy_score(node->fuzzy, best);
}

uint8_t search_text(const struct search_message *m, const struct search_node *node)
{
	struct message_text *text = &m->scratch->text;
	size_t at;

	if (!node->key.len)
		return AS_IT_STANDS; /* RFC 3501 6.4.4: the empty string is in every text */
	if (node->fuzzy)
		return text_score(m, node);
	if (node->op == SEARCH_TEXT && (span_find(message_text_head(text, m->row->prefix, m->row->head), node->key, &at) ||
					span_find(message_text_within(text, m->row->parts, &m->row->body), node->key, &at)))
		return AS_IT_STANDS;
	return span_find(message_text_body(text, m->row->parts, &m->row->body), node->key, &at) ? AS_IT_STANDS : 0;
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

uint8_t search_address(const struct search_message *m, const struct search_node *node)
{
	struct search_scratch *x = m->scratch;
	struct envelope_address address;
	struct span list;
	uint8_t best = 0;

	if (!envelope_list(m->row->envelope, (enum envelope_item)node->number, &list) || (!node->fuzzy && is_ruled_out(list, node->key)))
		return 0;
	while (best < AS_IT_STANDS && envelope_next(&list, &x->arena, &address)) {
		uint8_t score;

		buf_reset(&x->line);
		write_address(&x->arena, &address, &x->line);
		score = has(x, buf_span(&x->line), node);
		best = score > best ? score : best;
		arena_reset(&x->arena);
	}
	return best;
}

bool search_subject_shows(const struct search_message *m, const struct search_node *node)
{
	return m->row->subject.len < SUBJECT_SURELY_WHOLE && has(m->scratch, m->row->subject, node);
}

/* The row holds the subject decoded, but of a field of monstrous length only its beginning. */
enum search_answer search_subject(const struct search_message *m, const struct search_node *node, uint8_t *score_out)
{
	const bool is_whole = m->row->subject.len < SUBJECT_SURELY_WHOLE;

	*score_out = is_whole || !node->fuzzy ? has(m->scratch, m->row->subject, node) : 0;
	if (!*score_out && !is_whole && m->level < SEARCH_AT_TEXT)
		return SEARCH_UNSURE;
	if (!*score_out && !is_whole)
		*score_out = search_header(m, SPAN("Subject"), node);
	return *score_out ? SEARCH_YES : SEARCH_NO;
}
