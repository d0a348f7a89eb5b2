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
struct accept_envelope {
	struct queue_id id; /* queue_id_new(): its text stands in Received and in the reply */
	enum queue_source source;
	uint64_t account_id;           /* of the authenticated sender; 0: none */
	struct span reverse_path;      /* "local@domain", "" for the null path */
	const struct span *recipients; /* "local@domain" as given, each decided acceptable by RCPT */
	size_t recipient_count;
	bool smtputf8, body_8bit;
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
		       RECIPIENT_FAILED };

struct queue_recipient {
	struct span address;
	enum recipient_state state;
	unsigned attempts;
	int64_t next_ms;        /* unix; 0: none */
	struct span last_reply; /* the remote's words, or ours; "" none yet */
	int64_t last_ms;
};
struct queue_entry {
	struct queue_id id;
	int64_t accepted_ms, expires_ms;
	enum queue_source source; /* FROM_MX: the reverse-path is what a stranger said */
	struct span reverse_path, subject;
	uint64_t size;
	struct queue_recipient *recipients;
	size_t recipient_count;
};
/* In order of acceptance, after `after` (null: from the first), at most `limit`. In the arena. */
enum err queue_list(struct queue *q, const struct queue_id *after, size_t limit, struct arena *a, struct queue_entry **out, size_t *count_out) MUST_CHECK;
enum err queue_find(struct queue *q, const struct queue_id *id, struct arena *a, struct queue_entry *out) MUST_CHECK;
/* All waiting recipients are due now. */
enum err queue_retry(struct queue *q, const struct queue_id *id) MUST_CHECK;
/* Gone without a DSN. A recipient in the middle of an attempt: ERR_STATE. */
enum err queue_remove(struct queue *q, const struct queue_id *id) MUST_CHECK;

struct queue_stats {
	uint64_t messages, waiting, active;
	int64_t oldest_ms; /* unix acceptance time; 0: empty */
};
struct queue_stats queue_stats(struct queue *q);

#endif
