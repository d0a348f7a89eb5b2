/* auth/password.h: comparing a password with its stored hash; for files of auth/ only. */
#ifndef POSTROOM_AUTH_PASSWORD_H
#define POSTROOM_AUTH_PASSWORD_H

#include "daemon/base/span.h"

/* A hash of no password, with the cost of every other: what unknown users are compared with. */
extern const struct span password_nobody;

/* Takes some 50 ms. ERR_CORRUPT: not a hash that we make; ERR_TEMP: out of memory. */
enum err password_verify(struct span encoded, struct span password, bool *match_out) MUST_CHECK;

#endif
