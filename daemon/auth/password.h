/* auth/password.h: comparing a password with its stored hash; for files of auth/ only. */
#ifndef POSTROOM_AUTH_PASSWORD_H
#define POSTROOM_AUTH_PASSWORD_H

#include "daemon/base/buf.h"

/* A hash of no password, with the cost of every other: what unknown users are compared with. */
extern const struct span password_nobody;

/* Takes some 50 ms; of argon2 with other parameters up to a second or two. ERR_CORRUPT: not an argon2 hash within our ceilings; ERR_TEMP: out of memory. */
enum err password_verify(struct span encoded, struct span password, bool *match_out) MUST_CHECK;

#define PASSWORD_PREPARED_MAX 8192
/* As RFC 4013 prepares it, so that letters that are composed otherwise are the same; in `room`, to be wiped. What can't be prepared counts by its bytes. */
struct span password_prepare(struct span password, struct buf *room);

/* One that password_verify() would compute. */
bool password_is_argon2(struct span encoded);
/* Of UTF-8; other bytes count each. */
size_t password_characters(struct span text);
/* One with today's parameters. */
bool password_is_ours(struct span encoded);

#endif
