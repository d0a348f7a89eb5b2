/* mime/xtext.h: how values are spelt that a parameter of SMTP or a field of a notice could not hold: xtext (RFC 3461 section 4), and \x{...} of
 * addresses beyond ASCII (RFC 6533 section 3). Pure.
 */
#ifndef POSTROOM_MIME_XTEXT_H
#define POSTROOM_MIME_XTEXT_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

void xtext_encode(struct span text, struct buf *out);
/* xtext of printable ASCII and spaces, in the arena: what it says reaches other servers' command lines and the header of notices. ERR_SYNTAX: it is
 * none, or says a control character; ERR_LIMIT when the arena is full. */
enum err xtext_decode(struct span xtext, struct arena *a, struct span *out) MUST_CHECK;
/* For people: what is no xtext stays as it is; what is not printable ASCII becomes '?'. */
void xtext_show(struct span xtext, struct buf *out);

/* An address of type utf-8: '+', '=' and '\' are spelt out, and, unless `utf8`, all beyond ASCII. */
void xtext_embed(struct span text, bool utf8, struct buf *out);
/* utf-8-enc-addr, as it stands behind "utf-8;". 8-bit characters may be in it, which is lawful in an SMTPUTF8 transaction only. */
bool xtext_is_utf8_address(struct span text);

#endif
