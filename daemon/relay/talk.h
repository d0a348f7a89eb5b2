/* relay/talk.h: the SMTP dialogue with one address of one host. */
#ifndef POSTROOM_RELAY_TALK_H
#define POSTROOM_RELAY_TALK_H

#include "daemon/relay/route.h"

struct tls_client;

enum talk_end {
	TALK_DONE, /* every recipient has its outcome */
	TALK_NEXT, /* not here: *why says it; another address may do */
	TALK_PLAIN /* the handshake failed and TLS is not a must: once more without */
};

struct talk_setup {
	struct tls_client *tls;
	const struct route_target *target;
	bool plain;       /* do not try STARTTLS */
	int64_t until_ms; /* monotonic: when the attempt is over, whatever pace each answer has */
};
enum talk_end talk_with(const struct talk_setup *setup, struct results *results, struct failure *why);

#endif
