/* pop3/surrogate.h: what stands before the body of a message, as the client is to have it: as it is stored, or in ASCII for who has not said UTF8 (RFC 6856 2.1). */
#ifndef POSTROOM_POP3_SURROGATE_H
#define POSTROOM_POP3_SURROGATE_H

#include "daemon/pop3/session.h"

struct surrogate {
	struct span prefix, head;
	struct buf prefix_text, head_text; /* they hold what is written anew */
};

/* Of a row with its head; good as long as the row. False: there is none, the client has to say UTF8. To be ended in any case. */
bool pop3_surrogate_begin(const struct pop3_session *s, const struct message_row *row, struct surrogate *out) MUST_CHECK;
void pop3_surrogate_end(struct surrogate *x);
/* The octets of the whole message. */
uint64_t pop3_surrogate_size(const struct surrogate *x, const struct message_row *row);

#endif
