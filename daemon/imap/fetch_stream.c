/* imap/fetch_stream.c: content that goes out otherwise than it is stored, a slice at a time.
 *
 *   begin ──▶ MEASURING ──all was read──▶ SENDING ──all was sent──▶ NONE
 *     └─────── the size is known ────────────▲
 *
 * (1) A literal is announced by its size, so what is decoded is decoded twice: once for the size, once for the peer.
 * (2) A plain literal holds no NUL (RFC 3501 4.3): there it becomes 0x80, as long as the octet that it stands for. BINARY sends it as it is, in a
 *     literal8 (RFC 3516 4.3).
 * (3) While a stream is not at its end run.batch is its own.
 */
#include "daemon/imap/fetch.h"
#include "daemon/imap/reply.h"

#define READ_MAX (64u * 1024u)
#define DECODE_MAX (4u * 1024u * 1024u) /* a turn */

/* The stored content from `at` on: some of it. Empty: it can't be read. */
static struct span read_some(struct imap_session *s, const struct fetch_stream *st, struct buf *room)
{
	uint64_t at = st->read_at;

	for (size_t i = 0; i < st->content.count; i++) {
		const struct fetch_piece *p = &st->content.pieces[i];
		uint64_t length;

		if (at >= p->length) {
			at -= p->length;
			continue;
		}
		length = p->length - at < READ_MAX ? p->length - at : READ_MAX;
		if (p->bytes.ptr)
			return span_make(p->bytes.ptr + at, (size_t)length);
		buf_reset(room);
		if (s->service->body_read(st->path, p->offset + at, (size_t)length, room) || room->len != length)
			return span_make(NULL, 0);
		return buf_span(room);
	}
	return span_make(NULL, 0);
}

/* The next decoded bytes into `to`; false when the content can't be read. */
static bool decode_some(struct imap_session *s, struct fetch_stream *st, struct buf *room, struct buf *to)
{
	struct span raw = read_some(s, st, room);

	if (!raw.len)
		return false;
	buf_reset(to);
	transfer_decoder_feed(&st->decoder, raw, to);
	st->read_at += raw.len;
	if (st->read_at == st->content.length)
		transfer_decoder_end(&st->decoder, to);
	return !to->failed;
}

static void rewind_stream(struct fetch_stream *st)
{
	st->read_at = 0;
	(void)transfer_decoder_init(&st->decoder, st->content.encoding);
}

/* The size is known. */
static void announce(struct fetch_stream *st, struct out *out)
{
	const struct fetch_item *item = st->item;

	reply_add(out, item->label);
	reply_add(out, SPAN(" "));
	st->phase = STREAM_NONE;
	if (item->kind == FETCH_BINARY_SIZE) {
		reply_number(out, st->size);
		return;
	}
	st->skip = 0;
	st->left = st->size;
	if (item->partial) {
		st->skip = item->offset < st->size ? item->offset : st->size;
		st->left = st->size - st->skip < item->length ? st->size - st->skip : item->length;
	}
	if (item->kind == FETCH_BINARY && st->has_nul)
		reply_add(out, SPAN("~"));
	reply_literal_size(out, st->left);
	if (st->left)
		st->phase = STREAM_SENDING;
	rewind_stream(st);
}

static bool is_7bit(struct span text)
{
	unsigned char all = 0;

	for (size_t i = 0; i < text.len; i++)
		all |= (unsigned char)text.ptr[i];
	return all < 0x80;
}

/* False: there is more for the next turn. */
static bool measure(struct imap_session *s, struct fetch_stream *st, struct buf *room, struct buf *text)
{
	uint64_t until = st->read_at + DECODE_MAX;

	while (st->read_at < st->content.length) {
		if (st->read_at >= until)
			return false;
		if (!decode_some(s, st, room, text))
			break; /* what can't be read is as long as what was read: the file is there in part only */
		st->size += text->len;
		st->has_nul = st->has_nul || (text->len && memchr(text->ptr, 0, text->len));
		st->has_8bit = st->has_8bit || !is_7bit(buf_span(text));
	}
	return true;
}

/* A plain literal knows no NUL. */
static void hide_nul(struct buf *text)
{
	char *at = text->ptr;

	while (text->len && (at = memchr(at, 0, text->len - (size_t)(at - text->ptr))) != NULL)
		*at = (char)0x80;
}

static bool send_some(struct imap_session *s, struct fetch_stream *st, struct buf *room, struct buf *text, struct out *out)
{
	uint64_t until = st->read_at + DECODE_MAX; /* of a part's end all before it is decoded and not sent */

	while (st->left && !out->failed) {
		struct span bytes;

		if (out_is_full(out) || st->read_at >= until)
			return false;
		if (!decode_some(s, st, room, text)) {
			out_fail(out); /* the literal can't be what was announced */
			break;
		}
		if (st->item->kind != FETCH_BINARY)
			hide_nul(text);
		bytes = span_skip(buf_span(text), st->skip < text->len ? (size_t)st->skip : text->len);
		st->skip -= text->len - bytes.len;
		bytes = span_take(bytes, st->left < bytes.len ? (size_t)st->left : bytes.len);
		reply_add(out, bytes);
		st->left -= bytes.len;
	}
	st->phase = STREAM_NONE;
	return true;
}

/* Pieces of memory are the row's: they are copied before it goes. */
static bool keep_pieces(struct fetch_stream *st, const struct fetch_source *src)
{
	struct arena *a = &src->s->run.batch;

	for (size_t i = 0; i < st->content.count; i++)
		if (st->content.pieces[i].bytes.ptr)
			st->content.pieces[i].bytes = arena_copy(a, st->content.pieces[i].bytes);
	st->content.encoding = arena_copy(a, st->content.encoding);
	st->path = src->row->body.path ? arena_copy(a, span_make(src->row->body.path, strlen(src->row->body.path) + 1)).ptr : NULL;
	return !a->failed;
}

bool fetch_stream_run(struct imap_session *s, struct fetch_stream *st, struct out *out)
{
	struct buf room, text;
	bool done = true;

	buf_init(&room, READ_MAX);
	buf_init(&text, READ_MAX + 256);
	if (st->phase == STREAM_MEASURING) {
		done = measure(s, st, &room, &text);
		if (done)
			announce(st, out);
	}
	if (done && st->phase == STREAM_SENDING)
		done = send_some(s, st, &room, &text, out);
	buf_clear(&room);
	buf_clear(&text);
	return done;
}

bool fetch_stream_begin(struct fetch_source *src, const struct fetch_item *item, const struct fetch_content *c, struct out *out)
{
	struct fetch_stream *st = &src->at->stream;

	*st = (struct fetch_stream){ .phase = STREAM_MEASURING, .item = item, .content = *c, .path = src->row->body.path };
	rewind_stream(st);
	if (st->decoder.kind == TRANSFER_AS_IS && (item->kind == FETCH_SECTION || !mime_parts_has_nul(src->row->parts))) {
		st->size = c->length;
		announce(st, out);
	}
	if (fetch_stream_run(src->s, st, out))
		return true;
	if (!keep_pieces(st, src)) {
		out_fail(out);
		st->phase = STREAM_NONE;
		return true;
	}
	return false;
}
