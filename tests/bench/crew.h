/* bench/crew.h: senders: messages by SMTP over many connections. */
#ifndef POSTROOM_BENCH_CREW_H
#define POSTROOM_BENCH_CREW_H

#include "tests/bench/client.h"

struct crew {
	const struct load *load;
	struct span text;   /* the message with its final dot; each sender of a submission puts its own From in front */
	bool submits;       /* AUTH PLAIN as one user a connection, mail to another domain; else mail to the users */
	bool one_a_session; /* a connection for each message */
	size_t accepted, failed;
	struct samples times; /* from MAIL (one_a_session: from the connection) to the last 250 */
};

/* Sends load->count messages and waits for the last reply; false when it could not start. samples_clear(&c->times) afterwards. */
bool crew_send(struct crew *c);

#endif
