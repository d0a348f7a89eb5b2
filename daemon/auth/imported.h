/* auth/imported.h: hashes of other programs, as they are stored until their password was proven once; for files of auth/ only.
 *
 *   $y$, $5$, $6$, $2a$ $2b$ $2y$    crypt(5), by libcrypt
 *   $argon2id$, $argon2i$            with parameters of others: password.c
 *   {SHA} {SSHA} {SHA256} {SSHA256} {SHA512} {SSHA512}    base64 of the digest and, behind it, the salt
 *
 * Their cost has a ceiling of about a second, which is checked when they come in and again before they are computed.
 */
#ifndef POSTROOM_AUTH_IMPORTED_H
#define POSTROOM_AUTH_IMPORTED_H

#include "daemon/base/buf.h"

/* Is the stored form one of crypt(5) or {SCHEME}? */
bool imported_is(struct span stored);
/* ERR_CORRUPT: none that we take; ERR_TEMP. */
enum err imported_verify(struct span stored, struct span password, bool *match_out) MUST_CHECK;

#endif
