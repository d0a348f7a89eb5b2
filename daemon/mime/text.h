/* mime/text.h: content to UTF-8 text, for searching: transfer encodings, charsets, case mapping. */
#ifndef POSTROOM_MIME_TEXT_H
#define POSTROOM_MIME_TEXT_H

#include "daemon/base/buf.h"

/* base64 and quoted-printable removed (junk skipped), anything else copied. Stops quietly at out's ceiling. */
void text_decode_transfer(struct span encoding, struct span in, struct buf *out);

/* From the charset to UTF-8; unknown charset: as it is when UTF-8, else Latin-1. Bad bytes become U+FFFD. */
void text_decode_charset(struct span charset, struct span in, struct buf *out);

/* i;unicode-casemap (RFC 5051): titlecase mapping and canonical decomposition; input UTF-8, bad bytes U+FFFD. */
void text_casemap(struct span in, struct buf *out);

/* True when text of that charset is converted: the names that mail uses, not all that iconv knows. */
bool text_charset_known(struct span charset);

/* Canonical composition (NFC) of valid UTF-8; for mailbox names. ERR_SYNTAX. */
enum err text_nfc(struct span in, struct buf *out) MUST_CHECK;

#endif
