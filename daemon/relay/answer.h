/* relay/answer.h: one reply of another server (RFC 5321 4.2, RFC 3463), however many lines it has. */
#ifndef POSTROOM_RELAY_ANSWER_H
#define POSTROOM_RELAY_ANSWER_H

#include "daemon/net/stream.h"
#include "daemon/relay/limits.h"

struct answer {
	unsigned code;                   /* 200 to 599 */
	char status[12];                 /* enhanced code, "" when there was none */
	char text[RELAY_REPLY_TEXT + 1]; /* "550 5.1.1 no such user", lines joined by " / ", printable ASCII */
	size_t text_len;
};

/* line(arg, text): each line's text behind the code, for EHLO; may be null. The whole reply comes before the time is over or it is ERR_TEMP.
 * ERR_SYNTAX: not a reply. ERR_LIMIT: too many lines or one too long. ERR_STATE: connection closed. */
enum err answer_read(struct stream *s, int64_t timeout_ms, struct answer *out, void (*line)(void *arg, struct span text), void *arg, struct note *why) MUST_CHECK;

static inline bool answer_is(const struct answer *a, unsigned hundreds)
{
	return a->code / 100 == hundreds;
}

#endif
