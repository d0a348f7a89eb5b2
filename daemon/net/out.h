/* net/out.h: output of a session on its way to the peer: a chain of memory and file ranges.
 *
 * A session adds; the pool drains. Above the high-water mark the pool does not feed the session; a session that has
 * more to say than fits returns STEP_MORE and is called again when the peer has read.
 */
#ifndef POSTROOM_NET_OUT_H
#define POSTROOM_NET_OUT_H

#include "daemon/base/buf.h"

#define OUT_HIGH_WATER (256u * 1024u) /* a session should yield with STEP_MORE at out_is_full() */
#define OUT_MAX (4u * 1024u * 1024u)  /* no chain holds more memory: past it `failed` latches and the session is closed */

struct iovec;
struct out_piece;

struct out {
	struct out_piece *first, *last;
	size_t memory_bytes;    /* held in memory pieces, not yet drained */
	uint64_t pending_bytes; /* all, file ranges too */
	bool failed;
};

/* An open file shared by reference count; closed with the last reference. Thread-safe. */
struct out_file;
enum err out_file_open(const char *path, struct out_file **out) MUST_CHECK; /* ERR_NOT_FOUND, ERR_TEMP */
void out_file_release(struct out_file **file);

void out_init(struct out *o);
void out_clear(struct out *o);

void out_add(struct out *o, struct span s); /* copies */
void out_addf(struct out *o, const char *format, ...) PRINTF_LIKE(2, 3);
/* Takes a reference of its own. The range must exist: a short file latches `failed` when it is drained. */
void out_add_file(struct out *o, struct out_file *file, uint64_t offset, uint64_t length);

static inline bool out_is_full(const struct out *o)
{
	return o->pending_bytes >= OUT_HIGH_WATER;
}

/* For the pool, tests and chat: the next contiguous bytes. File ranges and small pieces are gathered in `scratch`, at most
 * scratch_size bytes; called again before a drop it gives at least the same bytes. Empty when drained or failed. */
struct span out_peek(struct out *o, char *scratch, size_t scratch_size);
void out_drop(struct out *o, size_t count);

/* For sockets without TLS. Memory pieces at the front, at most `max`; 0 when the first piece is a file range. */
unsigned out_vector(const struct out *o, struct iovec *to, unsigned max);
/* The file range at the front; false when the first piece is memory. Follow both with out_drop(). */
bool out_front_file(const struct out *o, int *fd_out, uint64_t *offset_out, uint64_t *length_out);
/* The file was shorter than promised. */
void out_fail(struct out *o);

#endif
