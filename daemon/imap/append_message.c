/* imap/append_message.c: a message on its way in.
 *
 *   new ──feed...──▶ header found ──feed...──▶ seal ──▶ filed by the command ──▶ free(keep)
 *     └──────────────────── free: nothing is left ◀──────────┘
 *
 * (1) The bytes are kept as they are sent; the structure is read while they stream by.
 * (2) `head` collects until an empty line shows where the header ends; then head is the header alone.
 * (3) A body lives in `body` up to STORE_INLINE_MAX, then in a file of the account.
 * (4) After a failure what comes is forgotten; the reply comes in its place.
 */
#include "daemon/imap/append_message.h"

#include <stdlib.h>

#include "daemon/imap/append.h"
#include "daemon/imap/limits.h"
#include "daemon/mime/header.h"

#define PARTS_MAX (4u * 1024u * 1024u)
#define TEMPORARY SPAN("[UNAVAILABLE] Temporary failure, try again later")

enum err append_message_new(struct append_message **out)
{
	struct append_message *m = calloc(1, sizeof *m);

	*out = NULL;
	if (!m)
		return ERR_TEMP;
	buf_init(&m->head, STORE_HEAD_MAX + STORE_INLINE_MAX);
	buf_init(&m->body, STORE_INLINE_MAX);
	buf_init(&m->parts, PARTS_MAX);
	if (message_parser_begin(&m->parser)) {
		free(m);
		return ERR_TEMP;
	}
	*out = m;
	return ERR_OK;
}

void append_message_free(struct imap_session *s, struct append_message **message, bool keep)
{
	struct append_message *m = *message;

	*message = NULL;
	if (!m)
		return;
	if (m->file)
		s->service->body_end(&m->file, keep);
	if (m->is_charged)
		arena_budget_give(s->run.arena.budget, m->held);
	message_parser_end(&m->parser);
	buf_clear(&m->head);
	buf_clear(&m->body);
	buf_clear(&m->parts);
	free(m);
}

static void fail_if(struct append_message *m, enum err e)
{
	if (e && !m->failed.ptr)
		m->failed = e == ERR_LIMIT ? SPAN("[LIMIT] The message is too complex") : TEMPORARY;
}

static void add_body(struct imap_session *s, struct append_message *m, struct span bytes)
{
	if (!bytes.len || m->failed.ptr)
		return;
	m->body_size += bytes.len;
	if (!m->file && m->body_size <= STORE_INLINE_MAX) {
		buf_add(&m->body, bytes);
		return;
	}
	if (!m->file) {
		fail_if(m, s->service->body_begin(s->append->store, &s->run.arena, &m->file));
		if (!m->failed.ptr && m->body.len)
			fail_if(m, s->service->body_write(m->file, buf_span(&m->body)));
		buf_clear(&m->body);
	}
	if (!m->failed.ptr)
		fail_if(m, s->service->body_write(m->file, bytes));
}

/* An empty line in head from `from` on? */
static bool has_empty_line(struct span head, size_t from)
{
	size_t at;

	if (span_starts(head, SPAN("\r\n")) || span_starts(head, SPAN("\n")))
		return true;
	for (struct span rest = span_skip(head, from); span_find_char(rest, '\n', &at);) {
		rest = span_skip(rest, at + 1);
		if (span_starts(rest, SPAN("\n")) || span_starts(rest, SPAN("\r\n")))
			return true;
	}
	return false;
}

/* Cuts head where the header ends, as header_length() sees it; what is behind begins the body. */
static void cut_head(struct imap_session *s, struct append_message *m)
{
	size_t length = header_length(buf_span(&m->head));

	m->head_done = true;
	if (length > STORE_HEAD_MAX) {
		m->failed = SPAN("[LIMIT] The header is too long");
		return;
	}
	add_body(s, m, span_skip(buf_span(&m->head), length));
	m->head.len = length;
}

void append_message_feed(struct imap_session *s, struct append_message *m, struct span bytes, bool may_nul)
{
	m->size += bytes.len;
	if (m->failed.ptr)
		return;
	if (!may_nul && memchr(bytes.ptr, 0, bytes.len)) { /* RFC 9051 4.3: no NUL in a literal; a literal8 may hold it */
		m->failed = SPAN("[CANNOT] The message contains NUL octets");
		return;
	}
	if (m->size > IMAP_MESSAGE_MAX) {
		m->failed = SPAN("[TOOBIG] The message is too large");
		return;
	}
	message_parser_feed(m->parser, bytes);
	while (bytes.len && !m->head_done && !m->failed.ptr) {
		struct span part = span_take(bytes, STORE_INLINE_MAX);
		size_t seen = m->head.len;

		bytes = span_skip(bytes, part.len);
		buf_add(&m->head, part);
		if (has_empty_line(buf_span(&m->head), seen > 2 ? seen - 2 : 0) || m->head.len > STORE_HEAD_MAX)
			cut_head(s, m);
	}
	if (m->head_done)
		add_body(s, m, bytes);
}

static void describe(struct append_message *m, const struct mime_message *mime)
{
	struct new_message *n = &m->filed;

	mime_parts_encode(mime, &m->parts);
	if (m->parts.failed || m->head.failed || m->body.failed)
		fail_if(m, ERR_LIMIT);
	n->head = buf_span(&m->head);
	n->body.bytes = buf_span(&m->body);
	n->body.size = m->body_size;
	n->envelope = mime->envelope;
	n->body_structure = mime->body_structure;
	n->body_text_structure = mime->body;
	n->parts = buf_span(&m->parts);
	n->subject = mime->subject;
	n->message_id = mime->message_id;
	n->preview = mime->preview;
	n->refs = mime->refs;
	n->sent_ms = mime->date_ms;
	m->held = m->head.cap + m->body.cap + m->parts.cap + n->envelope.len + n->body_structure.len + n->body_text_structure.len;
}

void append_message_seal(struct imap_session *s, struct append_message *m)
{
	struct mime_message mime;
	enum err e;

	if (!m->head_done && !m->failed.ptr)
		cut_head(s, m);
	if (!m->size)
		m->failed = SPAN("[CANNOT] The message is empty");
	if (m->failed.ptr)
		return;
	e = message_parser_finish(m->parser, &s->run.arena, &mime);
	message_parser_end(&m->parser);
	if (!e && m->file)
		e = s->service->body_seal(m->file, &m->filed.body.path);
	fail_if(m, e);
	if (!e)
		describe(m, &mime);
	m->is_charged = !e && arena_budget_take(s->run.arena.budget, m->held);
	if (!e && !m->is_charged && !m->failed.ptr)
		m->failed = SPAN("[LIMIT] Too much is under way for this account");
}
