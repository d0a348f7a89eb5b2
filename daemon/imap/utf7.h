/* imap/utf7.h: modified UTF-7 of mailbox names (RFC 3501 5.1.3), both ways. */
#ifndef POSTROOM_IMAP_UTF7_H
#define POSTROOM_IMAP_UTF7_H

#include "daemon/base/buf.h"

/* Strict: printable US-ASCII only, every shift closed, no printable ASCII and no surplus bits inside one, no shift right behind
 * another, no lone surrogate, no NUL. ERR_SYNTAX. */
enum err utf7_decode(struct span in, struct buf *out) MUST_CHECK;

/* Valid UTF-8 in. */
void utf7_encode(struct span in, struct buf *out);

#endif
