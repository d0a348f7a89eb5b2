/* store/drop.h: INBOX as a maildrop (RFC 1939): the messages that were there when it was opened, under the numbers 1..count for as long as it is open.
 *
 * What arrives later is not in it. What others expunge meanwhile keeps its number and can't be read any more. One thread at a time uses a drop.
 */
#ifndef POSTROOM_STORE_DROP_H
#define POSTROOM_STORE_DROP_H

#include "daemon/store/message.h"

struct drop;

#define DROP_ID_LEN 32

/* The first one of an account writes once: the key of its ids. */
enum err drop_open(struct mailstore *m, struct drop **out) MUST_CHECK;
void drop_close(struct drop **d); /* before store_close() */

uint32_t drop_count(const struct drop *d);
uint64_t drop_bytes(const struct drop *d); /* as all of them are stored, when it was opened */

/* Messages first..last in their order, some in a call: *next_out is the number to go on with, above `last` at the end. Not those that are there no more.
 * `want`: of enum message_want. `each` may stop by returning false; the message it was shown is done with then. */
enum err drop_read(struct drop *d, uint32_t first, uint32_t last, unsigned want,
		   bool (*each)(void *arg, uint32_t number, const struct message_row *row), void *arg, uint32_t *next_out) MUST_CHECK;

/* What a message is known by over all sessions (UIDL): DROP_ID_LEN hex digits. Of a thin row. */
void drop_id(const struct drop *d, const struct message_row *row, char out[DROP_ID_LEN + 1]);

/* Messages whose bit (number - 1) is set. All or none, in one commit; those that others have removed meanwhile are removed. */
enum err drop_remove(struct drop *d, const uint8_t *bits) MUST_CHECK;
/* Gives them \Seen. */
enum err drop_mark_seen(struct drop *d, const uint8_t *bits) MUST_CHECK;

/* A body that is a file, read a piece at a time: it stays readable when its message is removed meanwhile. */
struct drop_body;
enum err drop_body_open(const char *path, struct drop_body **out) MUST_CHECK;
enum err drop_body_read(struct drop_body *b, uint64_t offset, size_t length, struct buf *out) MUST_CHECK;
void drop_body_close(struct drop_body **b);

#endif
