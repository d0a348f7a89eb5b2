/* mime/parts.c: the stored form is a version byte (2: the same, and the message has NUL octets), then numbers of seven bits a byte, lowest first, and words.
 *
 *   1 size header count { kind parent-distance header-start header-length body-length header-lines body-lines type subtype charset boundary name encoding }
 *
 * Distances and offsets count from what stands before, so they are small. A word is 0 (empty), 2n (n bytes follow) or 2k+1 (the k-th of a list
 * that may grow and never change).
 */
#include "daemon/mime/parts.h"

#define STORED_VERSION 1
#define STORED_WITH_NUL 2
#define STORED_PART_MIN 13 /* bytes of the shortest part */

static const struct span words[] = {
	SPAN("text"),
	SPAN("plain"),
	SPAN("html"),
	SPAN("multipart"),
	SPAN("alternative"),
	SPAN("mixed"),
	SPAN("related"),
	SPAN("application"),
	SPAN("octet-stream"),
	SPAN("pdf"),
	SPAN("image"),
	SPAN("png"),
	SPAN("jpeg"),
	SPAN("message"),
	SPAN("rfc822"),
	SPAN("utf-8"),
	SPAN("UTF-8"),
	SPAN("us-ascii"),
	SPAN("iso-8859-1"),
	SPAN("ISO-8859-1"),
	SPAN("7bit"),
	SPAN("8bit"),
	SPAN("base64"),
	SPAN("quoted-printable"),
	SPAN("signed"),
	SPAN("report"),
	SPAN("windows-1252"),
	SPAN("binary"),
	SPAN("delivery-status"),
	SPAN("calendar"),
};

#define WORD_COUNT (sizeof(words) / sizeof(words[0]))

static void put_number(uint64_t n, struct buf *out)
{
	char bytes[10];
	size_t len = 0;

	for (; n >= 0x80; n >>= 7)
		bytes[len++] = (char)(0x80 | (n & 0x7f));
	bytes[len++] = (char)n;
	buf_add(out, span_make(bytes, len));
}

static void put_word(struct span s, struct buf *out)
{
	for (size_t i = 0; i < WORD_COUNT; i++)
		if (span_equals(s, words[i])) {
			put_number(2 * i + 1, out);
			return;
		}
	put_number(2 * (uint64_t)s.len, out);
	buf_add(out, s);
}

void mime_parts_encode(const struct mime_message *m, struct buf *out)
{
	buf_add_char(out, m->has_nul ? STORED_WITH_NUL : STORED_VERSION);
	put_number(m->size_bytes, out);
	put_number(m->header_bytes, out);
	put_number(m->count, out);
	for (size_t i = 0; i < m->count; i++) {
		const struct mime_part *p = &m->parts[i];

		put_number(p->kind, out);
		put_number(i - p->parent, out);
		put_number(p->header_start - m->parts[p->parent].body_start, out);
		put_number(p->body_start - p->header_start, out);
		put_number(p->body_end - p->body_start, out);
		put_number(p->header_lines, out);
		put_number(p->body_lines, out);
		put_word(p->type, out);
		put_word(p->subtype, out);
		put_word(p->charset, out);
		put_word(p->boundary, out);
		put_word(p->name, out);
		put_word(p->encoding, out);
	}
}

bool mime_parts_has_nul(struct span stored)
{
	return stored.len > 0 && stored.ptr[0] == STORED_WITH_NUL;
}

struct reader {
	struct span rest;
	bool bad; /* latched */
};

static uint64_t take_number(struct reader *r, uint64_t max)
{
	uint64_t n = 0;

	for (unsigned shift = 0; shift < 63; shift += 7) {
		unsigned char byte;

		if (r->rest.len == 0)
			break;
		byte = (unsigned char)r->rest.ptr[0];
		r->rest = span_skip(r->rest, 1);
		n |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80) {
			r->bad = r->bad || n > max;
			return r->bad ? 0 : n;
		}
	}
	r->bad = true;
	return 0;
}

/* Points into what is stored. */
static struct span take_word(struct reader *r)
{
	uint64_t n = take_number(r, UINT32_MAX);
	struct span s;

	if (n % 2 == 1) {
		r->bad = r->bad || n / 2 >= WORD_COUNT;
		return r->bad ? span_make(NULL, 0) : words[n / 2];
	}
	s = span_take(r->rest, n / 2);
	r->bad = r->bad || s.len < n / 2;
	r->rest = span_skip(r->rest, s.len);
	return s;
}

/* Parents stand before their children and can have some. Sums stay below 2^62. */
static bool take_part(struct reader *r, struct mime_part *parts, size_t i)
{
	const uint64_t offset_max = (uint64_t)1 << 60;
	struct mime_part *p = &parts[i];
	uint64_t distance;

	p->kind = (enum mime_kind)take_number(r, MIME_MESSAGE);
	distance = take_number(r, i);
	if (i > 0 && (distance == 0 || parts[i - distance].kind == MIME_LEAF))
		return false;
	p->parent = (uint32_t)(i - distance);
	p->header_start = take_number(r, offset_max) + (i > 0 ? parts[p->parent].body_start : 0);
	p->body_start = take_number(r, offset_max) + p->header_start;
	p->body_end = take_number(r, offset_max) + p->body_start;
	p->header_lines = (uint32_t)take_number(r, UINT32_MAX);
	p->body_lines = (uint32_t)take_number(r, UINT32_MAX);
	p->type = take_word(r);
	p->subtype = take_word(r);
	p->charset = take_word(r);
	p->boundary = take_word(r);
	p->name = take_word(r);
	p->encoding = take_word(r);
	return !r->bad && (i == 0 || p->body_start <= offset_max);
}

/* Children are linked from the last on, so that no list is walked. False for a container without a child. */
static bool link_parts(struct mime_part *parts, size_t count)
{
	for (size_t i = count - 1; i > 0; i--) {
		struct mime_part *parent = &parts[parts[i].parent];

		parts[i].next_sibling = parent->first_child;
		parent->first_child = (uint32_t)i;
	}
	for (size_t i = 0; i < count; i++)
		if (parts[i].kind != MIME_LEAF && parts[i].first_child == 0)
			return false;
	return true;
}

enum err mime_parts_decode(struct span stored, struct arena *a, struct mime_message *out)
{
	struct span copy = arena_copy(a, stored);
	struct reader r = { copy, false };
	uint64_t version;

	*out = (struct mime_message){ 0 };
	if (!copy.ptr)
		return ERR_LIMIT;
	version = take_number(&r, UINT32_MAX);
	if (version != STORED_VERSION && version != STORED_WITH_NUL)
		return ERR_CORRUPT;
	out->has_nul = version == STORED_WITH_NUL;
	out->size_bytes = take_number(&r, INT64_MAX);
	out->header_bytes = take_number(&r, INT64_MAX);
	out->count = (size_t)take_number(&r, MIME_MAX_PARTS);
	if (r.bad || out->count == 0 || out->count > r.rest.len / STORED_PART_MIN)
		return ERR_CORRUPT;
	out->parts = arena_array(a, out->count, sizeof(*out->parts));
	if (!out->parts)
		return ERR_LIMIT;
	for (size_t i = 0; i < out->count; i++)
		if (!take_part(&r, out->parts, i))
			return ERR_CORRUPT;
	return r.rest.len == 0 && link_parts(out->parts, out->count) ? ERR_OK : ERR_CORRUPT;
}

/* Numbers count the children of a multipart. A message that is none has itself as its only part; what holds a message goes on with that. */
bool mime_part_find(const struct mime_message *m, const uint32_t *numbers, size_t count, uint32_t *index_out)
{
	uint32_t at = 0;
	bool entity = true; /* `at` is a message, or the multipart whose children are counted */

	if (count == 0 || m->count == 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		uint32_t n = numbers[i];

		if (!entity && m->parts[at].kind == MIME_MESSAGE)
			at = m->parts[at].first_child;
		else if (!entity && m->parts[at].kind == MIME_LEAF)
			return false;
		entity = false;
		if (n == 0 || (m->parts[at].kind != MIME_MULTIPART && n != 1))
			return false;
		if (m->parts[at].kind != MIME_MULTIPART)
			continue;
		at = m->parts[at].first_child;
		while (--n > 0 && at != 0)
			at = m->parts[at].next_sibling;
		if (at == 0)
			return false;
	}
	*index_out = at;
	return true;
}
