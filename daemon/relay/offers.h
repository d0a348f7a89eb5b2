/* relay/offers.h: what a server said it can do, in its answer to EHLO. */
#ifndef POSTROOM_RELAY_OFFERS_H
#define POSTROOM_RELAY_OFFERS_H

#include "daemon/base/span.h"

struct offers {
	bool pipelining, eightbit, binary, chunking, utf8, start_tls, size, dsn, require_tls, priority, deliver_by;
	bool auth_plain, auth_login;
	uint64_t size_max;                            /* 0: not said */
	uint64_t deliver_by_min_s;                    /* RFC 2852 section 2: the shortest time for "R"; 0: not said */
	uint64_t rcpt_max, mail_max, rcpt_domain_max; /* RFC 9422; 0: not said */
};

/* One line of the answer behind its code. What is not understood is not offered. `offers`: struct offers. */
void offers_read(void *offers, struct span line);

#endif
