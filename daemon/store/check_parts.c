/* store/check_parts.c: the stored structure of a message, made again from its bytes.
 *
 * Bytes of a content never change, and neither does its id: what was read outside of a write is still so in it.
 */
#include "daemon/store/check_parts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/mime/message.h"

#define PARTS_MAX (16u * 1024u * 1024u)
#define BYTES_MAX (1024u * 1024u) /* prefix, head and a body that is in the row */
#define PIECE 65536

struct rebuilding {
	uint64_t content;
	struct mail_structure structure;
};

static enum err write_structure(struct db *db, struct check_repair *r)
{
	const struct rebuilding *b = r->arg;
	enum err e = db_mail_set_structure(db, b->content, &b->structure);

	r->is_done = !e;
	return e;
}

static enum err feed_file(struct message_parser *p, const struct checking *c, const struct mail_bytes *bytes)
{
	char path[PATH_MAX], piece[PIECE];
	int n = snprintf(path, sizeof(path), "%s/%.*s", c->m->files_dir, (int)bytes->file.len, bytes->file.ptr);
	int fd = n > 0 && n < (int)sizeof(path) ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
	uint64_t size = 0;
	ssize_t got = 0;

	if (fd < 0)
		return ERR_NOT_FOUND;
	while (!check_must_stop(c) && (got = read(fd, piece, sizeof(piece))) > 0) {
		message_parser_feed(p, span_make(piece, (size_t)got));
		size += (uint64_t)got;
	}
	(void)close(fd);
	return got == 0 && size == bytes->body_size ? ERR_OK : ERR_CORRUPT;
}

static enum err parse(const struct checking *c, const struct mail_bytes *bytes, struct arena *a, struct mime_message *out)
{
	struct message_parser *p;
	enum err e = message_parser_begin(&p);

	if (e)
		return e;
	message_parser_feed(p, bytes->head);
	if (bytes->file.len)
		e = feed_file(p, c, bytes);
	else if (bytes->body.len == bytes->body_size)
		message_parser_feed(p, bytes->body);
	else
		e = ERR_CORRUPT;
	if (!e)
		e = message_parser_finish(p, a, out);
	message_parser_end(&p);
	return e;
}

void check_parts_rebuild(struct checking *c, uint64_t content, bool *done_out)
{
	struct rebuilding b = { .content = content };
	struct mail_bytes bytes;
	struct mime_message mime;
	struct arena a;
	struct buf parts;

	*done_out = false;
	arena_init(&a, MIME_ARENA_BYTES + BYTES_MAX);
	buf_init(&parts, PARTS_MAX);
	if (db_mail_bytes(c->db, content, &a, &bytes) == ERR_OK && parse(c, &bytes, &a, &mime) == ERR_OK) {
		mime_parts_encode(&mime, &parts);
		b.structure = (struct mail_structure){ mime.envelope, mime.body_structure, mime.body, buf_span(&parts) };
		if (!parts.failed)
			check_write(c, write_structure, &b, done_out);
	}
	buf_clear(&parts);
	arena_clear(&a);
}
