/* bench/client.h: dialogues: an SMTP reply, an IMAP command. */
#ifndef POSTROOM_BENCH_CLIENT_H
#define POSTROOM_BENCH_CLIENT_H

#include "tests/bench/load.h"
#include "tests/bench/wire.h"

/* The code of a whole SMTP reply, 0 when the connection is gone; *pipelining_out (may be null) when a line offers it. */
unsigned client_smtp_reply(struct wire *w, bool *pipelining_out);
/* Connected and logged in as the numbered user; null when not. */
struct wire *client_imap_login(const struct load *l, unsigned port, bool tls, unsigned user);
/* Reads to the tagged line of `tag`, over literals; true when it says OK. */
bool client_imap_finish(struct wire *w, const char *tag);
bool client_imap_run(struct wire *w, const char *command);
/* Messages in the INBOX. */
bool client_imap_count(struct wire *w, size_t *out);

/* Times of single operations in microseconds. */
struct samples {
	uint32_t *us;
	size_t count, max;
};
bool samples_init(struct samples *s, size_t max);
void samples_clear(struct samples *s);
void samples_add(struct samples *s, int64_t us);
void samples_join(struct samples *to, const struct samples *from);
/* In milliseconds; sorts. */
double samples_at(struct samples *s, double quantile);

#endif
