/* auth/exchange.h: the dialogue of a SASL login (RFC 4422) as the protocols have it: responses in base64 in, what to do next out.
 *
 *   PLAIN   start [initial] --> message                             --> ASK_PASSWORD
 *   LOGIN   start [initial] --> name --> password                   --> ASK_PASSWORD
 *   SCRAM   start [initial] --> client-first --> ASK_SCRAM_FIRST    --> says: CHALLENGE
 *                               client-final --> ASK_SCRAM_FINAL    --> says: CHALLENGE
 *                               an empty response                   --> PASSED
 *
 * The last challenge of SCRAM, the proof of the server, is answered by an empty response: in none of the protocols the reply of success carries data.
 * It knows no password and no account; who is asked is the session's business.
 */
#ifndef POSTROOM_AUTH_EXCHANGE_H
#define POSTROOM_AUTH_EXCHANGE_H

#include "daemon/base/buf.h"

#define EXCHANGE_MESSAGE_MAX 4096 /* decoded; of all responses of a LOGIN together */

enum exchange_mechanism { EXCHANGE_PLAIN,
			  EXCHANGE_LOGIN,
			  EXCHANGE_SCRAM,
			  EXCHANGE_SCRAM_PLUS };

enum exchange_next {
	EXCHANGE_CHALLENGE,       /* `text` goes to the client */
	EXCHANGE_ASK_PASSWORD,    /* `login` and `password`, which stay until the exchange is cleared */
	EXCHANGE_ASK_SCRAM_FIRST, /* `message`, likewise */
	EXCHANGE_ASK_SCRAM_FINAL,
	EXCHANGE_PASSED,    /* of SCRAM: `account_id` and `credential` as exchange_says() got them */
	EXCHANGE_MALFORMED, /* not base64, or not a message of the mechanism */
	EXCHANGE_DENIED,    /* in somebody else's name */
	EXCHANGE_FAILED,    /* no memory */
};

struct exchange {
	enum exchange_mechanism mechanism;
	unsigned round;     /* responses that were taken */
	struct buf message; /* what the client sent, decoded: holds secrets */
	struct buf text;    /* base64 for the client */
	size_t login_len;   /* of LOGIN, in `message` */
	struct span login, password;
	uint64_t account_id, credential;
};

void exchange_init(struct exchange *x);
/* Erases what was said; ready for another one. */
void exchange_clear(struct exchange *x);
bool exchange_is_scram(const struct exchange *x);

/* False: there is no such mechanism here. `may_bind`: -PLUS is on offer; `has_login`: LOGIN is. */
bool exchange_begin(struct exchange *x, struct span mechanism, bool may_bind, bool has_login);
/* With or without an initial response, of which "=" is an empty one. */
enum exchange_next exchange_start(struct exchange *x, bool has_initial, struct span initial);
enum exchange_next exchange_response(struct exchange *x, struct span base64);
/* What SCRAM answers to the client's message; behind the final one who it is. */
enum exchange_next exchange_says(struct exchange *x, struct span text, uint64_t account_id, uint64_t credential);

#endif
