/* relay/relay.h: one delivery attempt to another server: where to, TLS, the SMTP dialogue, each recipient's outcome.
 *
 * Blocking, with the deadlines of RFC 5321 4.5.3.2; for relay threads.
 */
#ifndef POSTROOM_RELAY_RELAY_H
#define POSTROOM_RELAY_RELAY_H

#include "daemon/base/arena.h"
#include "daemon/net/addr.h"

struct checkpointer;
struct fetcher;
struct relay_host;
struct resolver;
struct tls_client;
struct tls_rule;

struct relay;
struct relay_config {
	struct resolver *resolver;
	struct tls_client *tls;
	uint16_t port;              /* of MX hosts: 25; tests set another */
	const struct net_addr *own; /* our listeners' addresses: a loop (5.4.6) */
	size_t own_count;
	const char *path;                  /* relay.db: MTA-STS policies, how TLS went; null (tests): nothing is kept */
	const char *tls_ca_file;           /* for MTA-STS; null: the system's */
	uint16_t sts_port;                 /* of policy hosts: 443; tests set another */
	struct fetcher *fetcher;           /* null: no MTA-STS. Its own, freed behind relay_cancel() and before relay_free() */
	struct checkpointer *checkpointer; /* may be null */
};
/* A damaged relay.db is put aside and begun anew; one that can't be opened is done without, until the next start. */
enum err relay_new(const struct relay_config *config, struct relay **out, struct note *why) MUST_CHECK;
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
	unsigned notify;            /* in: NOTIFY bits of RFC 3461 (1 NEVER, 2 SUCCESS, 4 FAILURE, 8 DELAY); 0: not said */
	struct span orcpt;          /* in: as given, xtext; may be empty */
	bool at_rcpt;               /* out: FAILED in answer to RCPT: the recipient was meant, not the message */
	bool passed_on;             /* out: DELIVERED to a server that took NOTIFY with it: what DSN there is to be is its */
	bool by_lost;               /* out: DELIVERED to a server that knows of no time by which (RFC 2852), though there is one */
};

struct relay_job {
	struct span domain;           /* A-labels or an address literal */
	const struct relay_host *via; /* null: by MX */
	struct span helo;             /* our host name */
	struct span reverse_path;
	struct relay_recipient *recipients;
	size_t recipient_count;
	bool smtputf8, body_8bit;
	bool body_binary;                 /* the message has lines of any length, CR and LF alone, or NUL */
	bool require_tls;                 /* RFC 8689: verified TLS to a server that has REQUIRETLS, or 5.7.30 */
	bool tls_optional;                /* "TLS-Required: No" in its header (RFC 8689 section 5): DANE and MTA-STS do not keep it from going */
	struct span envid;                /* as given, xtext; may be empty */
	char ret;                         /* 'F' FULL, 'H' HDRS, 0 not said */
	int priority;                     /* MT-PRIORITY; 0: not said */
	int64_t deliver_by_ms;            /* unix (RFC 2852); 0: none */
	unsigned deliver_by;              /* bits 1 R, 2 N, 4 T */
	const struct tls_rule *rule;      /* of the domain, directory.h; null: none */
	struct net_addr source4, source6; /* from where; NET_NONE: as the kernel chooses */
	uint64_t size;
	/* The message: reads up to `size` bytes at `offset` into `to`; 0 at the end. Bytes are CRLF lines, no bare CR or LF. */
	enum err (*read)(void *arg, uint64_t offset, char *to, size_t size, size_t *count_out);
	void *arg;
	struct arena *arena;
	char tls_version[16]; /* out */
	bool answered;        /* out: a host took the sender and answered for each recipient, and did not put off the message itself */
};
/* Sets every recipient's outcome. A connection that can carry more is kept for a few seconds, for whoever sends to the same place with the same demands. */
void relay_attempt(struct relay *r, struct relay_job *job);

#endif
