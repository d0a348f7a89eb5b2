/* queue/queue.h: mail in motion: the door by which it enters, what is waiting, and how it is steered.
 *
 * A message is accepted once (accept_*), then each recipient ends in a mailbox, at another server, or in a DSN.
 */
#ifndef POSTROOM_QUEUE_QUEUE_H
#define POSTROOM_QUEUE_QUEUE_H

#include "daemon/base/buf.h"
#include "daemon/mime/address.h"
#include "daemon/net/addr.h"

struct checkpointer;
struct directory;
struct events;
struct relay;
struct store;
struct trace;
struct queue;

struct queue_id {
	uint8_t bytes[16]; /* 48 bits of unix milliseconds, 80 random bits; never reused */
};
#define QUEUE_ID_TEXT 33
void queue_id_text(const struct queue_id *id, char out[QUEUE_ID_TEXT]); /* lower-case hex */
enum err queue_id_parse(struct span text, struct queue_id *out) MUST_CHECK;

struct queue_config {
	const char *path;       /* queue.db */
	const char *bodies_dir; /* queue/ */
	struct directory *directory;
	struct store *store;
	struct relay *relay;
	struct events *events; /* may be null, as the trace */
	struct trace *trace;
	struct checkpointer *checkpointer;
};
/* Removes orphan files. From here on accepting works; nothing is delivered before the start. */
enum err queue_open(const struct queue_config *config, struct queue **out, struct note *why) MUST_CHECK;
/* Loads what waits, starts delivery and relay threads. */
enum err queue_start(struct queue *q, struct note *why) MUST_CHECK;
/* Finishes running deliveries, cancels relay attempts that still run near the deadline (ms from now), writes the last results.
 * Nobody may commit any more when the queue is closed. */
void queue_stop(struct queue *q, int64_t deadline_ms);
void queue_close(struct queue **q);

/* ---- accepting ---- */

#define QUEUE_MAX_RECIPIENTS 1000

enum queue_source { FROM_MX,
		    FROM_SUBMISSION,
		    FROM_US /* DSNs */ };

/* How a message came to us, for the trace; all may be empty. */
struct accept_origin {
	int64_t connected_ms;
	struct span peer, helo, tls; /* "192.0.2.1:2525", "mail.example", "TLSv1.3 TLS_AES_..." */
	uint64_t sid;
};

/* NOTIFY (RFC 3461 4.1), as bits; 0: not said, which means failure and delay. */
enum { NOTIFY_NEVER = 1,
       NOTIFY_SUCCESS = 2,
       NOTIFY_FAILURE = 4,
       NOTIFY_DELAY = 8 };
enum dsn_return { RETURN_UNSAID,
		  RETURN_FULL,
		  RETURN_HEADERS };
/* BY (RFC 2852 section 4), as bits. */
enum { BY_RETURN = 1,
       BY_NOTIFY = 2,
       BY_TRACE = 4 };
#define QUEUE_ENVID_MAX 100 /* RFC 3461 4.4, decoded; the xtext of it may have three times as much */
#define QUEUE_ORCPT_MAX 500 /* RFC 3461 4.2 */

struct accept_wish {
	unsigned notify;   /* NOTIFY_ */
	struct span orcpt; /* as given: "rfc822;bob@example.org" in xtext, or "utf-8;..." (RFC 6533 section 3); may be empty */
};

struct accept_envelope {
	struct queue_id id; /* queue_id_new(): its text stands in Received and in the reply */
	enum queue_source source;
	uint64_t account_id;           /* of the authenticated sender; 0: none */
	struct span reverse_path;      /* "local@domain", "" for the null path */
	const struct span *recipients; /* "local@domain" as given, each decided acceptable by RCPT */
	size_t recipient_count;
	const struct accept_wish *wishes; /* one a recipient; null: none were said */
	bool counted;                     /* its recipients outside count against what the account may send (queue/sending.h) */
	bool smtputf8, body_8bit;
	bool body_binary;  /* BODY=BINARYMIME (RFC 3030): lines may be of any length, CR and LF stand alone */
	bool require_tls;  /* RFC 8689 */
	struct span envid; /* as given, xtext; may be empty */
	enum dsn_return ret;
	int priority;          /* MT-PRIORITY (RFC 6710), -9 to 9; 0: not said */
	int64_t release_ms;    /* unix: not sent before (RFC 4865); 0: at once */
	int64_t deliver_by_ms; /* unix (RFC 2852); 0: none */
	unsigned deliver_by;   /* BY_ */
	struct accept_origin origin;
	struct span trace; /* our Received field(s), CRLF at the end; goes in front of the header */
};
void queue_id_new(struct queue_id *out);

/*   begin ──▶ add ... ──▶ seal ──▶ commit        end at any time before: nothing remains
 * add takes header and body as received, dot-stuffing and bare CR/LF already dealt with; always ends in CRLF. */
struct accept;
enum err accept_begin(struct queue *q, struct accept **out) MUST_CHECK;
enum err accept_add(struct accept *a, struct span bytes) MUST_CHECK; /* ERR_LIMIT: too large or header over 256 KiB; ERR_TEMP: disk */
/* The header section with its empty line, for policy: complete after the last add, which this call declares done. */
struct span accept_header(struct accept *a);
/* Replaces the header (submission adds Date and Message-ID, drops Bcc). Before seal. */
enum err accept_set_header(struct accept *a, struct span header) MUST_CHECK;
unsigned accept_received_count(struct accept *a); /* Received fields: loop check at 50 */
/* Fixes the envelope (copied), routes it (aliases are expanded here and stored), parses, fsyncs a body file.
 * A message goes once to an account, whatever number of its addresses are named: the first stands in Delivered-To.
 * A binary body (envelope.body_binary) was added as it came.
 * ERR_DENIED: a remote recipient although nobody logged in. ERR_SYNTAX: control characters in a path. ERR_LIMIT: header with trace over
 * 256 KiB, too many recipients. ERR_TEMP. */
enum err accept_seal(struct accept *a, const struct accept_envelope *envelope, struct note *why) MUST_CHECK;
/* Takes *a. done(arg, ERR_OK) after the row is durable: only then 250. Called on the committer's thread; must not block. */
void accept_commit(struct accept **a, void (*done)(void *arg, enum err result), void *arg);
void accept_end(struct accept **a); /* null is allowed */

/* ---- looking and steering (API) ---- */

enum recipient_state { RECIPIENT_WAITING,
		       RECIPIENT_ACTIVE,
		       RECIPIENT_DELIVERED,
		       RECIPIENT_FAILED,
		       RECIPIENT_HELD };

/* Why a recipient is held. What is held does not expire. Stored numbers. */
enum queue_hold {
	HOLD_NONE = 0,
	HOLD_OPERATOR = 1,
	HOLD_RULE = 2,
	HOLD_BREAKER = 3, /* the account that sent it was stopped */
	HOLD_DOMAIN = 4,  /* its domain is disabled, mail for it is kept (DOMAIN_HOLDS) */
};
const char *queue_hold_name(enum queue_hold hold); /* "operator", "rule", "breaker", "domain"; "" */

struct queue_recipient {
	struct span address, original; /* original: as it was named in the envelope */
	enum recipient_state state;
	enum queue_hold hold; /* of HELD */
	bool remote;
	struct span destination; /* remote: the next hop ("example.net", "relay.example:587"), as queue_destinations() names it */
	struct span route;       /* "host:port" that an operator chose; empty: none */
	unsigned attempts, notify;
	int64_t next_ms;        /* unix; 0: none */
	struct span last_reply; /* the remote's words, or ours; "" none yet */
	struct span status;     /* of it: "4.4.1"; may be empty */
	int64_t last_ms;
};
struct queue_entry {
	struct queue_id id;
	int64_t accepted_ms, expires_ms;
	int64_t release_ms, deliver_by_ms; /* unix; 0: none */
	enum queue_source source;          /* FROM_MX: the reverse-path is what a stranger said */
	uint64_t account_id;               /* who sent it, 0: nobody logged in */
	struct span reverse_path, subject, envid;
	uint64_t size;
	int priority;
	bool require_tls;
	struct queue_recipient *recipients;
	size_t recipient_count;
};

enum queue_tried { TRIED_ANY,
		   TRIED_NEVER, /* before the first attempt */
		   TRIED_BEFORE };

/* Which messages; what is empty or 0 allows all. A recipient must fit all that is said of recipients; a message is meant when one of its open
 * recipients does. Addresses and domains are compared without case; "@domain" in sender and recipient means all of a domain, "local@*"
 * that one in any. */
struct queue_filter {
	struct span sender, recipient;
	struct span domain;      /* of a recipient */
	struct span destination; /* the next hop */
	struct span error;       /* in the text of the last error, without case (ASCII) */
	bool has_state;
	enum recipient_state state; /* WAITING, ACTIVE, HELD */
	enum queue_hold hold;       /* held for that; HOLD_NONE: any */
	enum queue_tried tried;
	int64_t accepted_before_ms, accepted_after_ms; /* unix */
	uint64_t account_id;
	const struct span *domains; /* of a domain admin: sender or a recipient must be of one of them */
	size_t domain_count;
	bool local_sender_only; /* with `domains`: a FROM_MX sender counts for nothing */
};

/* In order of acceptance, after `after` (null: from the first), at most `limit` that fit `filter` (null: all). In the arena. A call looks at
 * QUEUE_LOOK_MAX messages at most: *more_out says that there may be more behind *last_out, also when it found none. */
#define QUEUE_LOOK_MAX 20000
enum err queue_list(struct queue *q, const struct queue_filter *filter, const struct queue_id *after, size_t limit, struct arena *a, struct queue_entry **out, size_t *count_out, struct queue_id *last_out, bool *more_out) MUST_CHECK;
enum err queue_find(struct queue *q, const struct queue_id *id, struct arena *a, struct queue_entry *out) MUST_CHECK;

enum queue_action {
	QUEUE_RETRY,   /* all waiting recipients are due now, pauses and delays of their destinations aside; held ones stay held,
			* and what is to be sent later waits for that (FUTURERELEASE), as with RELEASE and ROUTE */
	QUEUE_HOLD,    /* no more attempts; one that runs is finished first */
	QUEUE_RELEASE, /* held ones are due now, whyever they were held */
	QUEUE_BOUNCE,  /* open recipients fail now, the sender gets a DSN (null sender: none) */
	QUEUE_DELETE,  /* gone without a DSN */
	QUEUE_ROUTE,   /* remote ones go to `route` from now on, and at once */
	QUEUE_EXPIRE,  /* the message is given up at `expires_ms`: all of it, when one recipient fits */
};
struct queue_order {
	enum queue_action action;
	const struct queue_filter *filter; /* recipients that do not fit are left alone; null: all */
	struct span route;                 /* of ROUTE: "host:port", "[2001:db8::1]:25"; empty: as DNS and relays say */
	int64_t expires_ms;                /* of EXPIRE: unix */
	struct span words;                 /* of BOUNCE: what the DSN says; empty: "returned by the administrator" */
};
/* Is it one that could be given to any message? ERR_SYNTAX: no such route, or time. */
enum err queue_order_check(const struct queue_order *order, struct note *why) MUST_CHECK;
/* *changed_out (may be null): recipients it was done to. ERR_NOT_FOUND: no such message; ERR_STATE: nothing in it that this can be done to now, or
 * (BOUNCE, DELETE) a recipient in the middle of an attempt; ERR_SYNTAX: as queue_order_check() says. Durable on return, where it has to outlive a restart. */
enum err queue_steer(struct queue *q, const struct queue_id *id, const struct queue_order *order, size_t *changed_out, struct note *why) MUST_CHECK;

/* A domain takes mail again, or refuses it now (`released` false): what was held because it did neither is due, or goes back to its senders. May take
 * as long as many messages do. *messages_out: to how many it was done. ERR_TEMP: some may be left; call again. */
enum err queue_domain_changed(struct queue *q, struct span domain, bool released, uint64_t *messages_out, struct note *why) MUST_CHECK;

struct queue_stats {
	uint64_t messages, waiting, active, held;
	uint64_t paused;   /* destinations */
	int64_t oldest_ms; /* unix acceptance time; 0: empty */
};
struct queue_stats queue_stats(struct queue *q);

#endif
