/* relay/talk_tls.h: TLS as the plan of the host has it, and how it went, noted for reports. */
#ifndef POSTROOM_RELAY_TALK_TLS_H
#define POSTROOM_RELAY_TALK_TLS_H

#include "daemon/relay/talk_line.h"

bool talk_wants_tls(const struct talk *t);
/* There is no STARTTLS, or it was refused. TALK_DONE: then without. */
enum talk_end talk_without_tls(struct talk *t);
/* The handshake; `asked`: behind the answer to STARTTLS. */
enum talk_end talk_secure(struct talk *t, bool asked);
/* RFC 8689 4.2.1: may a message that requires TLS go to this host at all? What the server offers comes on top. */
bool talk_may_require_tls(const struct tls_plan *plan);

#endif
