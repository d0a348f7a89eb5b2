/* smtp/trace.h: the Received field that we put in front of a message (RFC 5321 4.4, RFC 3848, RFC 6531 4.3). */
#ifndef POSTROOM_SMTP_TRACE_H
#define POSTROOM_SMTP_TRACE_H

#include "daemon/smtp/state.h"

#define SMTP_ID_TEXT 33
/* Lower-case hex with its NUL; room >= SMTP_ID_TEXT. */
void smtp_id_text(const struct queue_id *id, char *out, size_t room);

void smtp_trace_write(const struct smtp_session *s, struct buf *out);

#endif
