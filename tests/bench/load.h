/* bench/load.h: what the load generator was told, and what its kinds of work share. */
#ifndef POSTROOM_BENCH_LOAD_H
#define POSTROOM_BENCH_LOAD_H

#include "daemon/base/span.h"

struct load {
	unsigned port, imap_port, sink_port;
	unsigned connections, users, account; /* account: the one mailbox of a work on one */
	size_t count, size, seconds;
	bool tls;
	const char *password; /* of all users: u1@DOMAIN, u2@DOMAIN... */
	const char *domain;
	char **words; /* what stands behind the options */
	int word_count;
};

/* Each prints one JSON object a line and returns false when it could not do its work. */
bool load_deliver(const struct load *l);
bool load_submit(const struct load *l);
bool load_append(const struct load *l);
bool load_fill(const struct load *l);
bool load_retr(const struct load *l);
bool load_script(const struct load *l);
bool load_idle(const struct load *l);
bool load_guess(const struct load *l);
bool load_logins(const struct load *l);
bool load_web(const struct load *l);

#endif
