/* mime/thread.h: messages put together into conversations: THREAD of IMAP (RFC 5256 section 3; REFS as draft-ietf-morg-inthread has it).
 *
 * Nothing here recurses and nothing is quadratic in what a message says: a circle of references, or a chain of 100,000 replies, costs what any other does.
 */
#ifndef POSTROOM_MIME_THREAD_H
#define POSTROOM_MIME_THREAD_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

enum thread_algorithm { THREAD_ORDEREDSUBJECT,
			THREAD_REFERENCES,
			THREAD_REFS };

/* Copied as far as the algorithm wants it. */
struct thread_message {
	uint32_t number;  /* as it is shown: message number or UID; rising from call to call */
	int64_t date;     /* what the threads are ordered by: sent, else arrived; seconds */
	struct span base; /* base subject (mime/subject.h) */
	bool is_reply;
	struct span message_id; /* in normal form (mime/refs.h); empty: it has none */
	struct span refs;       /* mime_message.refs */
};

struct threading; /* in the arena */

/* `seed`: what senders can't guess, so that no choice of message-ids makes the table slow. ERR_LIMIT when the arena is full, as in the others. */
enum err thread_begin(enum thread_algorithm algorithm, uint64_t seed, struct arena *a, struct threading **out) MUST_CHECK;
enum err thread_add(struct threading *t, const struct thread_message *m) MUST_CHECK;
/* Once: the threads as IMAP writes them, "(2)(3 6 (4 23)(44 7 96))"; nothing without messages. */
enum err thread_finish(struct threading *t, struct buf *out) MUST_CHECK;

#endif
