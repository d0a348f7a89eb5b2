/* mime/imap_string.h: strings of IMAP as they are sent (RFC 9051 section 9: quoted, literal, nstring). Internal to mime/. */
#ifndef POSTROOM_MIME_IMAP_STRING_H
#define POSTROOM_MIME_IMAP_STRING_H

#include "daemon/base/buf.h"

/* Quoted when that is safe, a literal otherwise. No string can hold NUL: it is sent as a space. */
void imap_string_write(struct span s, struct buf *out);

/* A null pointer is NIL, the empty string is "". */
void imap_nstring_write(struct span s, struct buf *out);

#endif
