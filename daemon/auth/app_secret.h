/* auth/app_secret.h: the form of app passwords: "abcde-fghjk-mnpqr-stuvw-xyzab", 25 letters of 23 (without i, l, o): 113 bits; for files of auth/ only. */
#ifndef POSTROOM_AUTH_APP_SECRET_H
#define POSTROOM_AUTH_APP_SECRET_H

#include "daemon/base/buf.h"
#include "daemon/crypto/digest.h"

#define APP_SECRET_LETTERS 25
#define APP_SECRET_CONTEXT 64

/* Adds a new one. */
void app_secret_make(struct buf *out);
/* Of the letters alone: people type them with and without hyphens, in blanks and in capitals. False: not of the form. */
bool app_secret_digest(struct span password, uint8_t out[SHA256_BYTES]);
/* What its sealed SCRAM keys are bound to. */
struct span app_secret_context(uint64_t account_id, char out[APP_SECRET_CONTEXT]);

#endif
