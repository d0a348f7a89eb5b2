/* queue/content.c: head and body of a message, in memory while fresh, from queue.db and queue/ otherwise. */
#include "daemon/queue/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "db/queue_message.h"

#define READ_PIECE (64u * 1024u)
#define PARTS_MAX (16u * 1024u * 1024u)

struct content *content_new(void)
{
	struct content *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	atomic_init(&c->references, 1);
	buf_init(&c->head, STORE_HEAD_MAX);
	buf_init(&c->body, STORE_INLINE_MAX);
	buf_init(&c->parts, PARTS_MAX);
	arena_init(&c->arena, CONTENT_ARENA_MAX);
	return c;
}

struct content *content_hold(struct content *c)
{
	atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
	return c;
}

void content_release(struct content **c)
{
	struct content *gone = *c;

	*c = NULL;
	if (!gone || atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) != 1)
		return;
	buf_clear(&gone->head);
	buf_clear(&gone->body);
	buf_clear(&gone->parts);
	arena_clear(&gone->arena);
	free(gone->path);
	free(gone);
}

size_t content_memory(const struct content *c)
{
	return sizeof(*c) + c->head.cap + c->body.cap + c->parts.cap + c->arena.used_bytes;
}

enum err content_reader_open(const struct content *c, struct content_reader *out)
{
	*out = (struct content_reader){ .content = c, .fd = -1 };
	if (!c->path)
		return ERR_OK;
	out->fd = open(c->path, O_RDONLY | O_CLOEXEC);
	if (out->fd >= 0)
		return ERR_OK;
	return errno == ENOENT ? ERR_CORRUPT : ERR_TEMP;
}

void content_reader_mark(struct content_reader *r, struct span address)
{
	int len = address.len ? snprintf(r->mark, sizeof(r->mark), "Delivered-To: %.*s\r\n", (int)address.len, address.ptr) : 0;

	/* Addresses have a ceiling far below it. */
	r->mark_len = len > 0 && (size_t)len < sizeof(r->mark) ? (size_t)len : 0;
}

uint64_t content_reader_size(const struct content_reader *r)
{
	return r->mark_len + r->content->head.len + r->content->body_size;
}

void content_reader_close(struct content_reader *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

enum err content_read(void *reader, uint64_t offset, char *to, size_t size, size_t *count_out)
{
	struct content_reader *r = reader;
	const struct content *c = r->content;
	struct span from = { NULL, 0 };

	if (offset < r->mark_len) {
		*count_out = r->mark_len - (size_t)offset < size ? r->mark_len - (size_t)offset : size;
		memcpy(to, r->mark + offset, *count_out);
		return ERR_OK;
	}
	offset -= r->mark_len;
	if (offset < c->head.len)
		from = span_skip(buf_span(&c->head), (size_t)offset);
	else if (r->fd < 0 && offset - c->head.len < c->body.len)
		from = span_skip(buf_span(&c->body), (size_t)(offset - c->head.len));
	if (from.len || r->fd < 0) {
		*count_out = from.len < size ? from.len : size;
		if (*count_out)
			memcpy(to, from.ptr, *count_out);
		return ERR_OK;
	}
	for (;;) {
		ssize_t got = pread(r->fd, to, size, (off_t)(offset - c->head.len));

		if (got >= 0) {
			/* A file shorter than its row must not pass for a whole message. */
			if (got == 0 && offset < c->head.len + c->body_size)
				return ERR_CORRUPT;
			*count_out = (size_t)got;
			return ERR_OK;
		}
		if (errno != EINTR)
			return ERR_TEMP;
	}
}

static enum err feed(const struct content *c, struct message_parser *parser)
{
	struct content_reader r;
	uint64_t at = c->head.len;
	char *piece;
	enum err e;

	message_parser_feed(parser, buf_span(&c->head));
	if (!c->path) {
		message_parser_feed(parser, buf_span(&c->body));
		return ERR_OK;
	}
	piece = malloc(READ_PIECE);
	e = piece ? content_reader_open(c, &r) : ERR_TEMP;
	if (!e) {
		size_t got = 1;

		while (!e && got) {
			e = content_read(&r, at, piece, READ_PIECE, &got);
			if (!e)
				message_parser_feed(parser, span_make(piece, got));
			at += got;
		}
		content_reader_close(&r);
	}
	free(piece);
	return e;
}

enum err content_parse(struct content *c, struct message_parser *parser)
{
	struct message_parser *own = NULL;
	enum err e = ERR_OK;

	if (!parser) {
		e = message_parser_begin(&own);
		if (!e)
			e = feed(c, own);
		parser = own;
	}
	if (!e)
		e = message_parser_finish(parser, &c->arena, &c->mime);
	if (!e) {
		mime_parts_encode(&c->mime, &c->parts);
		e = c->parts.failed ? ERR_LIMIT : ERR_OK;
	}
	c->parsed = !e;
	message_parser_end(&own);
	return e;
}

static enum err take_content(void *arg, struct span head, struct span body)
{
	struct content *c = arg;

	buf_add(&c->head, head);
	buf_add(&c->body, body);
	return c->head.failed || c->body.failed ? ERR_TEMP : ERR_OK;
}

static enum err read_back(struct queue *q, const struct entry *e, struct content *c)
{
	enum err err;

	pthread_mutex_lock(&q->reader_lock);
	err = db_queue_content(q->reader, e->id.bytes, take_content, c);
	pthread_mutex_unlock(&q->reader_lock);
	if (err == ERR_NOT_FOUND)
		return ERR_CORRUPT;
	if (err)
		return err;
	c->body_size = c->body.len;
	if (e->detail->body_file) {
		if (e->size < c->head.len)
			return ERR_CORRUPT;
		c->body_size = e->size - c->head.len;
		if (asprintf(&c->path, "%s/%s", q->config.bodies_dir, e->detail->body_file) < 0) {
			c->path = NULL;
			return ERR_TEMP;
		}
	}
	return ERR_OK;
}

enum err content_get(struct queue *q, const struct entry *e, bool parsed, struct content **out)
{
	struct content *c = NULL;
	enum err err = ERR_OK;

	pthread_mutex_lock(&q->lock);
	if (e->content && (e->content->parsed || !parsed))
		c = content_hold(e->content);
	pthread_mutex_unlock(&q->lock);
	if (!c) {
		c = content_new();
		err = c ? read_back(q, e, c) : ERR_TEMP;
		if (!err && parsed)
			err = content_parse(c, NULL);
	}
	if (err)
		content_release(&c);
	*out = c;
	return err;
}

void content_describe(const struct content *c, struct new_message *out)
{
	*out = (struct new_message){
		.head = buf_span(&c->head),
		.body = { .bytes = buf_span(&c->body), .path = c->path, .size = c->body_size },
		.envelope = c->mime.envelope,
		.body_structure = c->mime.body_structure,
		.body_text_structure = c->mime.body,
		.parts = buf_span(&c->parts),
		.subject = c->mime.subject,
		.message_id = c->mime.message_id,
		.preview = c->mime.preview,
		.refs = c->mime.refs,
		.sent_ms = c->mime.date_ms,
	};
}
