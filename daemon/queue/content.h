/* queue/content.h: the bytes of a message: head and body, with what the parser found. Counted; unchanging once shared. */
#ifndef POSTROOM_QUEUE_CONTENT_H
#define POSTROOM_QUEUE_CONTENT_H

#include <stdatomic.h>

#include "daemon/mime/message.h"
#include "daemon/queue/state.h"
#include "daemon/store/message.h"

#define CONTENT_ARENA_MAX (32u * 1024u * 1024u)

struct content {
	atomic_uint references;
	size_t accounted_bytes; /* of queue.fresh_bytes */
	struct buf head, body;
	char *path; /* of the body file; null: inline */
	uint64_t body_size;
	bool parsed;
	struct arena arena;
	struct mime_message mime;
	struct buf parts;
};

/* Null without memory. */
struct content *content_new(void);
void content_release(struct content **c);
struct content *content_hold(struct content *c);
size_t content_memory(const struct content *c);

/* Head and body through the parser; `parser` (may be null) has been fed already. ERR_LIMIT, ERR_TEMP, ERR_CORRUPT (file). */
enum err content_parse(struct content *c, struct message_parser *parser) MUST_CHECK;

/* The fresh one, or read back; parsed when asked for. The entry's detail is in memory. A reference for the caller. ERR_CORRUPT: it is lost. */
enum err content_get(struct queue *q, const struct entry *e, bool parsed, struct content **out) MUST_CHECK;

/* Reads mark ‖ head ‖ body for a relay. content_reader_open opens the body file; close it with content_reader_close. */
#define MARK_MAX 1000u
struct content_reader {
	const struct content *content;
	int fd; /* -1: inline */
	char mark[MARK_MAX];
	size_t mark_len;
};
enum err content_reader_open(const struct content *c, struct content_reader *out) MUST_CHECK;
/* The Delivered-To field of a copy that this address passed on; empty: none. Before reading. */
void content_reader_mark(struct content_reader *r, struct span address);
uint64_t content_reader_size(const struct content_reader *r);
void content_reader_close(struct content_reader *r);
enum err content_read(void *reader, uint64_t offset, char *to, size_t size, size_t *count_out) MUST_CHECK;

/* What a mailbox gets. Prefix, date and flags are the caller's. */
void content_describe(const struct content *c, struct new_message *out);

#endif
