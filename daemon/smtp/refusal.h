/* smtp/refusal.h: a message, or one recipient of it, was refused: told to whoever keeps the trace. */
#ifndef POSTROOM_SMTP_REFUSAL_H
#define POSTROOM_SMTP_REFUSAL_H

#include "daemon/smtp/state.h"

/* How the session stands, for the trace; texts in `room`. */
struct smtp_origin_text {
	char peer[NET_ADDR_TEXT], tls[96];
};
void smtp_origin(const struct smtp_session *s, struct smtp_origin_text *room, struct accept_origin *out);

/* `recipient`: the one that was refused; null: all that the message has. `sender`: null: that of the message. */
void smtp_refused(struct smtp_session *s, const struct smtp_reply *reply, const struct address *sender, const struct address *recipient);

#endif
