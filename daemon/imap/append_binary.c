/* imap/append_binary.c: binary parts to base64, so that BODY[] is mail that any client can read and BINARY[] gives the octets back (RFC 3516 4.4 leaves
 * the form in which a server keeps a part to it; Dovecot does the same).
 *
 * Leaves alone are converted: a multipart or a message may not be base64 (RFC 2045 6.4), and what is inside of it has an encoding of its own.
 */
#include "daemon/imap/append_binary.h"

#include "daemon/base/encode.h"
#include "daemon/mime/header.h"

#define LINE_BYTES 57u /* 76 characters (RFC 2045 6.8) */
#define PIECE (1000u * LINE_BYTES)

struct converting {
	struct imap_session *s;
	const struct append_message *from;
	struct append_message *to;
	struct buf bytes, text;
	enum err failed;
};

static struct span read_piece(struct converting *c, uint64_t at, uint64_t length)
{
	const struct message_body *body = &c->from->filed.body;

	if (!body->path)
		return span_take(span_skip(body->bytes, (size_t)at), (size_t)length);
	buf_reset(&c->bytes);
	c->failed = c->s->service->body_read(body->path, at, (size_t)length, &c->bytes);
	return buf_span(&c->bytes);
}

static void copy(struct converting *c, uint64_t at, uint64_t end)
{
	while (!c->failed && at < end) {
		uint64_t length = end - at < PIECE ? end - at : PIECE;
		struct span piece = read_piece(c, at, length);

		if (!c->failed)
			append_message_feed(c->s, c->to, piece, true);
		at += length;
	}
}

static void encode(struct converting *c, uint64_t at, uint64_t end)
{
	const uint64_t start = at;

	while (!c->failed && at < end) {
		uint64_t length = end - at < PIECE ? end - at : PIECE;
		struct span piece = read_piece(c, at, length);

		buf_reset(&c->text);
		for (struct span rest = piece; rest.len; rest = span_skip(rest, LINE_BYTES)) {
			if (at > start || rest.ptr > piece.ptr)
				buf_add_str(&c->text, "\r\n");
			base64_encode(span_take(rest, LINE_BYTES), &c->text);
		}
		if (!c->failed && c->text.failed)
			c->failed = ERR_TEMP;
		if (!c->failed)
			append_message_feed(c->s, c->to, buf_span(&c->text), false);
		at += length;
	}
}

static void add_header(struct converting *c, struct span header)
{
	struct span rest = header;
	struct header_field field;

	while (header_next(&rest, &field)) {
		if (span_iequals(field.name, SPAN("Content-Transfer-Encoding")))
			append_message_feed(c->s, c->to, SPAN("Content-Transfer-Encoding: base64\r\n"), false);
		else
			append_message_feed(c->s, c->to, field.whole, true);
	}
	append_message_feed(c->s, c->to, rest, true); /* the empty line */
}

static void add_part(struct converting *c, const struct mime_part *part)
{
	struct buf header;

	buf_init(&header, MIME_MAX_PART_HEADER);
	buf_add(&header, read_piece(c, part->header_start, part->body_start - part->header_start));
	add_header(c, buf_span(&header));
	buf_clear(&header);
	encode(c, part->body_start, part->body_end);
}

static bool is_binary(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && span_iequals(part->encoding, SPAN("binary")) && part->body_start - part->header_start <= MIME_MAX_PART_HEADER;
}

/* The leaves lie in the order of the message, and not in each other. */
static void add_all(struct converting *c, const struct mime_message *mime)
{
	uint64_t at = 0;

	if (is_binary(&mime->parts[0])) {
		add_header(c, c->from->filed.head);
		encode(c, 0, c->from->filed.body.size);
		return;
	}
	append_message_feed(c->s, c->to, c->from->filed.head, true);
	for (size_t i = 1; i < mime->count && !c->failed; i++) {
		const struct mime_part *part = &mime->parts[i];

		if (!is_binary(part) || part->header_start < at)
			continue;
		copy(c, at, part->header_start);
		add_part(c, part);
		at = part->body_end;
	}
	copy(c, at, c->from->filed.body.size);
}

static bool has_binary(const struct mime_message *mime)
{
	for (size_t i = 0; i < mime->count; i++)
		if (is_binary(&mime->parts[i]))
			return true;
	return false;
}

static enum err convert(struct imap_session *s, struct append_message **m, const struct mime_message *mime)
{
	struct converting c = { .s = s, .from = *m };
	enum err e = append_message_new(&c.to);

	if (e)
		return e;
	c.to->filed.flags = c.from->filed.flags;
	c.to->filed.internal_ms = c.from->filed.internal_ms;
	c.to->filed.internal_offset_minutes = c.from->filed.internal_offset_minutes;
	buf_init(&c.bytes, 2 * PIECE); /* a piece, or a header */
	buf_init(&c.text, 2 * PIECE);
	add_all(&c, mime);
	buf_clear(&c.bytes);
	buf_clear(&c.text);
	if (c.failed) {
		append_message_free(s, &c.to, false);
		return c.failed;
	}
	append_message_seal(s, c.to);
	append_message_free(s, m, false);
	*m = c.to;
	return ERR_OK;
}

void append_binary_convert(struct imap_session *s, struct append_message **m)
{
	struct mime_message mime = { .count = 0 };
	enum err e;

	if ((*m)->failed.ptr)
		return;
	e = mime_parts_decode((*m)->filed.parts, &s->run.batch, &mime);
	if (!e && has_binary(&mime))
		e = convert(s, m, &mime);
	if (e)
		(*m)->failed = SPAN("[UNAVAILABLE] Temporary failure, try again later");
}
