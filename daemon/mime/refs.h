/* mime/refs.h: the message-ids in a header, in the form that threading compares (RFC 5256 2.2). */
#ifndef POSTROOM_MIME_REFS_H
#define POSTROOM_MIME_REFS_H

#include "daemon/base/buf.h"

#define REFS_ID_MAX 512 /* bytes; a longer one is no message-id */

/* Cuts all up to the end of the next message-id off *rest, a raw or unfolded field value; `id` (a buffer with REFS_ID_MAX or more for ceiling) then holds
 * its normal form: without < >, blanks, and quotes that are not needed. False: there is none any more. */
bool refs_next(struct span *rest, struct buf *id);

/* mime_message.refs of these field values (null pointer: absent). */
void refs_write(struct span references, struct span in_reply_to, struct buf *out);

#endif
