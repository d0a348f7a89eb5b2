/* mime/saslprep.h: passwords as SCRAM and PLAIN compare them (RFC 4013, a profile of stringprep, RFC 3454). */
#ifndef POSTROOM_MIME_SASLPREP_H
#define POSTROOM_MIME_SASLPREP_H

#include "daemon/base/buf.h"

/* Adds the prepared form; ASCII without control characters stays as it is. ERR_SYNTAX: not UTF-8, a character that is prohibited, or
 * text of both directions in a forbidden order. Unassigned code points pass: the tables are those of today's Unicode. */
enum err saslprep(struct span in, struct buf *out) MUST_CHECK;

#endif
