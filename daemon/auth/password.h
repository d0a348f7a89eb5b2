/* auth/password.h: comparing a password with its stored hash; for files of auth/ only. */
#ifndef POSTROOM_AUTH_PASSWORD_H
#define POSTROOM_AUTH_PASSWORD_H

#include "daemon/base/span.h"

/* A hash of no password, with the cost of every other: what unknown users are compared with. */
extern const struct span password_nobody;

/* Takes some 50 ms; of argon2 with other parameters up to a second or two. ERR_CORRUPT: not an argon2 hash within our ceilings; ERR_TEMP: out of memory. */
enum err password_verify(struct span encoded, struct span password, bool *match_out) MUST_CHECK;

/* One that password_verify() would compute. */
bool password_is_argon2(struct span encoded);
/* Of UTF-8; other bytes count each. */
size_t password_characters(struct span text);
/* One with today's parameters. */
bool password_is_ours(struct span encoded);

#endif
