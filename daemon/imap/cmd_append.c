/* imap/cmd_append.c: APPEND (RFC 3501 6.3.11, UIDPLUS).
 *
 *   begin ──feed...──▶ header found ──feed...──▶ all bytes ──CRLF──▶ sealed, fsynced, filed
 *     └───────────────────── drop: nothing is left ──────────────────────┘
 *
 * (1) The bytes are kept as they are sent; the structure is read while they stream by.
 * (2) `head` collects until an empty line shows where the header ends; then head is the header alone.
 * (3) A body lives in `body` up to STORE_INLINE_MAX, then in a file of the account.
 * (4) After a failure the literal is read to its end and forgotten; the reply comes in its place.
 */
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/sync.h"
#include "daemon/mime/header.h"
#include "daemon/mime/message.h"

struct imap_append {
	uint64_t mailbox_id, flags;
	struct buf head, body;
	bool head_done;
	uint64_t body_size;
	struct imap_body_file *file;
	struct message_parser *parser;
	enum err failed; /* latched */
	bool head_too_long, has_nul;
};

static void refuse(struct imap_session *s, enum imap_status status, struct span text)
{
	s->run.status = status;
	s->run.text = text;
}

static bool resolve(struct imap_session *s, uint64_t *mailbox_id, uint64_t *flags)
{
	struct mailbox_info m;
	enum err e = imap_mailbox_find(s, s->run.args.append.name, &m);

	if (!e)
		*mailbox_id = m.id;
	if (e == ERR_NOT_FOUND) {
		refuse(s, IMAP_NO, SPAN("[TRYCREATE] No such mailbox"));
		return false;
	}
	if (!e)
		e = imap_flags_resolve(s, &s->run.args.append.flags, true, flags);
	if (e == ERR_LIMIT)
		refuse(s, IMAP_NO, SPAN("[LIMIT] Too many keywords in this account"));
	else if (e)
		refuse(s, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
	return !e;
}

bool imap_append_begin(struct imap_session *s)
{
	struct imap_append *ap;
	uint64_t mailbox_id, flags;

	if (!resolve(s, &mailbox_id, &flags))
		return false;
	ap = calloc(1, sizeof *ap);
	if (ap) {
		*ap = (struct imap_append){ .mailbox_id = mailbox_id, .flags = flags };
		buf_init(&ap->head, STORE_HEAD_MAX + STORE_INLINE_MAX);
		buf_init(&ap->body, STORE_INLINE_MAX);
	}
	if (!ap || message_parser_begin(&ap->parser)) {
		free(ap);
		refuse(s, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
		return false;
	}
	s->append = ap;
	return true;
}

void imap_append_drop(struct imap_session *s)
{
	struct imap_append *ap = s->append;

	s->append = NULL;
	if (!ap)
		return;
	if (ap->file)
		s->service->body_end(&ap->file, false);
	message_parser_end(&ap->parser);
	buf_clear(&ap->head);
	buf_clear(&ap->body);
	free(ap);
}

static void add_body(struct imap_session *s, struct imap_append *ap, struct span bytes)
{
	if (!bytes.len || ap->failed)
		return;
	ap->body_size += bytes.len;
	if (!ap->file && ap->body_size <= STORE_INLINE_MAX) {
		buf_add(&ap->body, bytes);
		return;
	}
	if (!ap->file) {
		ap->failed = s->service->body_begin(s->store, &s->run.arena, &ap->file);
		if (!ap->failed && ap->body.len)
			ap->failed = s->service->body_write(ap->file, buf_span(&ap->body));
		buf_clear(&ap->body);
	}
	if (!ap->failed)
		ap->failed = s->service->body_write(ap->file, bytes);
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
static void cut_head(struct imap_session *s, struct imap_append *ap)
{
	size_t length = header_length(buf_span(&ap->head));

	ap->head_done = true;
	if (length > STORE_HEAD_MAX) {
		ap->head_too_long = true;
		ap->failed = ERR_LIMIT;
		return;
	}
	add_body(s, ap, span_skip(buf_span(&ap->head), length));
	ap->head.len = length;
}

void imap_append_feed(struct imap_session *s, struct span bytes)
{
	struct imap_append *ap = s->append;

	if (!ap || ap->failed)
		return;
	if (memchr(bytes.ptr, 0, bytes.len)) { /* RFC 3501 4.3: no NUL in a literal, so it could never be sent by FETCH */
		ap->has_nul = true;
		ap->failed = ERR_SYNTAX;
		return;
	}
	message_parser_feed(ap->parser, bytes);
	while (bytes.len && !ap->head_done && !ap->failed) {
		struct span part = span_take(bytes, STORE_INLINE_MAX);
		size_t seen = ap->head.len;

		bytes = span_skip(bytes, part.len);
		buf_add(&ap->head, part);
		if (has_empty_line(buf_span(&ap->head), seen > 2 ? seen - 2 : 0) || ap->head.len > STORE_HEAD_MAX)
			cut_head(s, ap);
	}
	if (ap->head_done)
		add_body(s, ap, bytes);
}

static enum err file_message(struct imap_session *s, struct imap_append *ap, const struct mime_message *mime, struct append_result *result)
{
	const union imap_args *args = &s->run.args;
	struct buf parts;
	struct new_message m = {
		.head = buf_span(&ap->head),
		.body = { .bytes = buf_span(&ap->body), .size = ap->body_size },
		.envelope = mime->envelope,
		.body_structure = mime->body_structure,
		.body_text_structure = mime->body,
		.subject = mime->subject,
		.message_id = mime->message_id,
		.sent_ms = mime->date_ms,
		.internal_ms = args->append.has_date ? args->append.date_ms : clock_real_ms(),
		.internal_offset_minutes = args->append.has_date ? args->append.date_offset_minutes : 0,
		.flags = ap->flags,
	};
	enum err e = ap->file ? s->service->body_seal(ap->file, &m.body.path) : ERR_OK;

	buf_init(&parts, 4 * 1024 * 1024);
	mime_parts_encode(mime, &parts);
	if (!e && parts.failed)
		e = ERR_LIMIT;
	m.parts = buf_span(&parts);
	if (!e)
		e = s->service->append(s->store, ap->mailbox_id, &m, result);
	buf_clear(&parts);
	return e;
}

/* Runs when the message and the CRLF behind it are there. */
enum step imap_run_append(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct imap_append *ap = s->append;
	struct append_result result = { 0, 0 };
	struct mime_message mime;
	enum err e;

	(void)args;
	if (!ap)
		return imap_finish(s, out, IMAP_BAD, SPAN("The message is missing"));
	if (!ap->head_done && !ap->failed)
		cut_head(s, ap);
	if (ap->head_too_long) {
		imap_append_drop(s);
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] The header is too long"));
	}
	if (ap->has_nul) {
		imap_append_drop(s);
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] The message contains NUL octets"));
	}
	e = ap->failed;
	if (!e)
		e = message_parser_finish(ap->parser, &s->run.arena, &mime);
	if (!e)
		e = file_message(s, ap, &mime, &result);
	if (!e && ap->file)
		s->service->body_end(&ap->file, true);
	imap_append_drop(s);
	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[TRYCREATE] No such mailbox"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	return imap_finish(s, out, IMAP_OK, arena_printf(&s->run.arena, "[APPENDUID %u %u] Done", result.uid_validity, result.uid));
}
