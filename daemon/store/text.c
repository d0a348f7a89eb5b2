/* store/text.c: a message is decoded once, whatever the number of keys that are then looked for in it. */
#include "daemon/store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/mime/header.h"
#include "daemon/mime/parts.h"
#include "daemon/mime/text.h"

#define ARENA_MAX (64u * 1024u * 1024u)
#define DECODED_FACTOR 3 /* bytes of UTF-8 for one of any charset */
#define MAPPED_FACTOR 6
#define HEADERS_MAX (MAPPED_FACTOR * 2 * (size_t)STORE_HEAD_MAX)

void message_text_init(struct message_text *t, size_t max_bytes)
{
	*t = (struct message_text){ .is_head_whole = true, .is_body_whole = true, .max_bytes = max_bytes, .fd = -1 };
	buf_init(&t->room, max_bytes);
	buf_init(&t->decoded, max_bytes);
	buf_init(&t->utf8, DECODED_FACTOR * max_bytes);
	buf_init(&t->head, 2 * HEADERS_MAX);
	buf_init(&t->within, HEADERS_MAX);
	buf_init(&t->body, MAPPED_FACTOR * max_bytes);
	arena_init(&t->arena, ARENA_MAX);
}

void message_text_next(struct message_text *t)
{
	arena_reset(&t->arena);
	t->has_head = t->has_within = t->has_body = false;
	t->is_head_whole = t->is_body_whole = true;
	if (t->fd >= 0)
		(void)close(t->fd);
	t->fd = -1;
}

void message_text_clear(struct message_text *t)
{
	message_text_next(t);
	buf_clear(&t->room);
	buf_clear(&t->decoded);
	buf_clear(&t->utf8);
	buf_clear(&t->head);
	buf_clear(&t->within);
	buf_clear(&t->body);
	arena_clear(&t->arena);
}

static enum err read_file(struct message_text *t, const char *path, uint64_t start, size_t length, struct buf *out)
{
	char *to = buf_reserve(out, length);
	size_t done = 0;

	if (t->fd < 0)
		t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0 || !to)
		return ERR_TEMP;
	while (done < length) {
		ssize_t got = pread(t->fd, to + done, length - done, (off_t)(start + done));

		if (got > 0)
			done += (size_t)got;
		else if (got == 0 || errno != EINTR)
			break;
	}
	buf_grew(out, done);
	return done == length ? ERR_OK : ERR_TEMP;
}

/* At most the searched length; valid until the next range. */
static struct span body_range(struct message_text *t, const struct message_body *body, uint64_t start, uint64_t end, bool *whole)
{
	if (end > body->size)
		end = body->size;
	if (start >= end)
		return SPAN("");
	if (end - start > t->max_bytes) {
		end = start + t->max_bytes;
		*whole = false;
	}
	if (!body->path)
		return span_take(span_skip(body->bytes, (size_t)start), (size_t)(end - start));
	buf_reset(&t->room);
	if (read_file(t, body->path, start, (size_t)(end - start), &t->room)) {
		*whole = false;
		return SPAN("");
	}
	return buf_span(&t->room);
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

static void add_text(struct span utf8, struct buf *to, bool *whole)
{
	text_casemap(utf8, to);
	buf_add_char(to, 0);
	if (to->failed)
		*whole = false;
}

/* Each field, its name too. */
static void add_fields(struct message_text *t, struct span header, struct buf *to)
{
	struct header_field field;

	while (header_next(&header, &field))
		add_text(header_decode(&t->arena, header_unfold_plain(&t->arena, field.whole)), to, &t->is_head_whole);
	if (t->arena.failed)
		t->is_head_whole = false;
}

static void add_part(struct message_text *t, const struct mime_part *part, const struct message_body *body)
{
	struct span text = body_range(t, body, part->body_start, part->body_end, &t->is_body_whole);

	if (!is_plain_encoding(part->encoding)) {
		buf_reset(&t->decoded);
		text_decode_transfer(part->encoding, text, &t->decoded);
		text = buf_span(&t->decoded);
	}
	if (!is_ascii_based(part->charset) || !span_is_ascii(text)) {
		buf_reset(&t->utf8);
		text_decode_charset(part->charset, text, &t->utf8);
		text = buf_span(&t->utf8);
		if (t->utf8.failed)
			t->is_body_whole = false;
	}
	add_text(text, &t->body, &t->is_body_whole);
}

/* RFC 9051 6.4.4: what is neither may be left out. A message that could be looked into is no leaf. */
static bool is_searched(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && (span_iequals(part->type, SPAN("text")) || span_iequals(part->type, SPAN("message")));
}

/* Past about max_bytes no further part is looked at. */
static void collect_body(struct message_text *t, struct span parts, const struct message_body *body)
{
	struct mime_message mime;

	if (mime_parts_decode(parts, &t->arena, &mime)) {
		t->is_body_whole = false;
		return;
	}
	for (size_t i = 0; i < mime.count; i++) {
		if (t->body.len >= t->max_bytes) {
			t->is_body_whole = false;
			return;
		}
		if (is_searched(&mime.parts[i]))
			add_part(t, &mime.parts[i], body);
	}
}

/* The root's header is not in the body. */
static void collect_within(struct message_text *t, struct span parts, const struct message_body *body)
{
	struct mime_message mime;

	if (mime_parts_decode(parts, &t->arena, &mime)) {
		t->is_head_whole = false;
		return;
	}
	for (size_t i = 1; i < mime.count && !t->within.failed; i++)
		add_fields(t, body_range(t, body, mime.parts[i].header_start, mime.parts[i].body_start, &t->is_head_whole), &t->within);
}

struct span message_text_head(struct message_text *t, struct span prefix, struct span head)
{
	if (!t->has_head) {
		t->has_head = true;
		buf_reset(&t->head);
		add_fields(t, prefix, &t->head);
		add_fields(t, head, &t->head);
	}
	return buf_span(&t->head);
}

struct span message_text_within(struct message_text *t, struct span parts, const struct message_body *body)
{
	if (!t->has_within) {
		t->has_within = true;
		buf_reset(&t->within);
		collect_within(t, parts, body);
	}
	return buf_span(&t->within);
}

struct span message_text_headers(struct message_text *t, struct span prefix, struct span head, struct span parts, const struct message_body *body)
{
	(void)message_text_head(t, prefix, head);
	buf_add(&t->head, message_text_within(t, parts, body));
	t->has_head = false;
	if (t->head.failed)
		t->is_head_whole = false;
	return buf_span(&t->head);
}

struct span message_text_body(struct message_text *t, struct span parts, const struct message_body *body)
{
	if (!t->has_body) {
		t->has_body = true;
		buf_reset(&t->body);
		collect_body(t, parts, body);
	}
	return buf_span(&t->body);
}
