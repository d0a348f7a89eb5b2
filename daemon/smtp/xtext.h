/* smtp/xtext.h: the encodings of MAIL and RCPT parameters: is a value well-formed, and what does it say?
 *
 * Values are kept as they came; a notice decodes them. What stands in them reaches other servers' command lines and the header of notices, so a
 * value that says a control character, in whichever encoding, is refused.
 */
#ifndef POSTROOM_SMTP_XTEXT_H
#define POSTROOM_SMTP_XTEXT_H

#include "daemon/base/arena.h"

/* xtext (RFC 3461 section 4) of printable ASCII and spaces, decoded in the arena. ERR_SYNTAX; ERR_LIMIT when that is full. */
enum err smtp_xtext_decode(struct span xtext, struct arena *a, struct span *out) MUST_CHECK;

/* utf-8-enc-addr behind "utf-8;" (RFC 6533 section 3). 8-bit characters may be in it, which is lawful in an SMTPUTF8 transaction only. */
bool smtp_is_utf8_address(struct span text);

#endif
