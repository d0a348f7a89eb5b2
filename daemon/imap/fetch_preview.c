/* imap/fetch_preview.c: PREVIEW (RFC 8970) of a message, and of one that was filed before previews were stored. */
#include "daemon/imap/fetch.h"
#include "daemon/imap/reply.h"
#include "daemon/mime/preview.h"

/* A quoted string where that does, else a literal: its text is UTF-8. */
static void add_text(struct span text, struct out *out)
{
	bool quotable = span_is_ascii(text) && !memchr(text.ptr, '"', text.len) && !memchr(text.ptr, '\\', text.len);

	if (quotable) {
		reply_add(out, SPAN("\""));
		reply_add(out, text);
		reply_add(out, SPAN("\""));
	} else {
		reply_literal_size(out, text.len);
		reply_add(out, text);
	}
}

static bool read_part(struct fetch_source *src, const struct mime_part *part, struct buf *raw)
{
	const struct message_body *body = &src->row->body;
	uint64_t end = part->body_end < body->size ? part->body_end : body->size;
	uint64_t length = part->body_start < end ? end - part->body_start : 0;

	buf_reset(raw);
	if (length > PREVIEW_RAW_MAX)
		length = PREVIEW_RAW_MAX;
	if (body->path)
		return length == 0 || !src->s->service->body_read(body->path, part->body_start, (size_t)length, raw);
	buf_add(raw, span_take(span_skip(body->bytes, (size_t)part->body_start), (size_t)length));
	return !raw->failed;
}

/* As the parser does it when a message arrives. False: the message can't be read. */
static bool make(struct fetch_source *src, struct buf *text)
{
	struct buf raw;
	bool ok = fetch_read_parts(src, &src->s->run.batch);

	buf_init(&raw, PREVIEW_RAW_MAX);
	for (size_t i = 0; ok && !text->len && i < src->parts.count; i++) {
		const struct mime_part *part = &src->parts.parts[i];

		if (!preview_may_be(part, i == 0))
			continue;
		ok = read_part(src, part, &raw);
		preview_write(part, buf_span(&raw), text);
	}
	buf_clear(&raw);
	return ok;
}

void fetch_preview(struct fetch_source *src, struct out *out)
{
	struct buf text;

	reply_add(out, SPAN("PREVIEW "));
	if (src->row->preview.ptr) {
		add_text(src->row->preview, out);
		return;
	}
	buf_init(&text, PREVIEW_MAX);
	if (make(src, &text))
		add_text(text.len ? buf_span(&text) : SPAN(""), out);
	else
		reply_add(out, SPAN("NIL"));
	buf_clear(&text);
}
