/* relay/relay.h: one delivery attempt to another server: where to, TLS, the SMTP dialogue, each recipient's outcome.
 *
 * Blocking, with the deadlines of RFC 5321 4.5.3.2; for relay threads.
 */
#ifndef POSTROOM_RELAY_RELAY_H
#define POSTROOM_RELAY_RELAY_H

#include "daemon/base/arena.h"
#include "daemon/net/addr.h"

struct resolver;
struct tls_client;
struct relay_host;

struct relay;
struct relay_config {
	struct resolver *resolver;
	struct tls_client *tls;
	uint16_t port;              /* of MX hosts: 25; tests set another */
	const struct net_addr *own; /* our listeners' addresses: a loop (5.4.6) */
	size_t own_count;
};
enum err relay_new(const struct relay_config *config, struct relay **out) MUST_CHECK;
void relay_free(struct relay **r);
/* Makes running attempts fail soon with ERR_TEMP outcomes; for the stop. */
void relay_cancel(struct relay *r);

enum relay_outcome { RELAY_DELIVERED,
		     RELAY_RETRY,
		     RELAY_FAILED };

struct relay_recipient {
	struct span address;        /* in: "local@domain" */
	enum relay_outcome outcome; /* out */
	char status[12];            /* out: enhanced code "5.1.1" (ours when the remote gave none) */
	struct span reply;          /* out: the remote's words "550 5.1.1 no such user", lines joined by " / "; or ours; in job->arena */
	struct span host;           /* out: whose words they are, when `remote`; in job->arena */
	bool remote;                /* out: `reply` is the remote's (DSN: smtp;), not ours (x-postroom;) */
};

struct relay_job {
	struct span domain;           /* A-labels or an address literal */
	const struct relay_host *via; /* null: by MX */
	struct span helo;             /* our host name */
	struct span reverse_path;
	struct relay_recipient *recipients;
	size_t recipient_count;
	bool smtputf8, body_8bit;
	uint64_t size;
	/* The message: reads up to `size` bytes at `offset` into `to`; 0 at the end. Bytes are CRLF lines, no bare CR or LF. */
	enum err (*read)(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out);
	void *arg;
	struct arena *arena;
	char tls_version[16]; /* out */
	bool answered;        /* out: a host took the sender and answered for each recipient, and did not put off the message itself */
};
/* Sets every recipient's outcome. */
void relay_attempt(struct relay *r, struct relay_job *job);

#endif
