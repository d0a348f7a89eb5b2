/* events/trace.h: what happened to each message, from connect to mailbox or remote reply: trace.db, written in batches each second.
 *
 * Noting costs a lock and a copy (budget: 3 microseconds); what does not fit the buffer (8 MiB) is dropped and counted, mail is never held up.
 * synchronous=NORMAL: the last seconds before a power cut may be missing. A damaged file is put aside (trace.db.damaged). Kept SETTING_TRACE_DAYS. Of what is refused at the door at most
 * 200 a second are noted, and the last 500,000 recipients kept: strangers decide how many there are.
 */
#ifndef POSTROOM_EVENTS_TRACE_H
#define POSTROOM_EVENTS_TRACE_H

#include "daemon/base/arena.h"

struct checkpointer;
struct directory;
struct trace;

struct trace_config {
	const char *path; /* trace.db */
	struct directory *directory;
	struct checkpointer *checkpointer;
};
enum err trace_open(const struct trace_config *config, struct trace **out, struct note *why) MUST_CHECK;
void trace_close(struct trace **t); /* writes what waits */

enum trace_direction { TRACE_IN,     /* mx */
		       TRACE_OUT,    /* submission, submit.sock, the API */
		       TRACE_OURS }; /* DSNs */
/* States of a message-recipient; the worst open one is the message's. */
enum trace_state { TRACE_QUEUED,
		   TRACE_DEFERRED,
		   TRACE_DELIVERED, /* in a mailbox */
		   TRACE_RELAYED,   /* taken by another server */
		   TRACE_BOUNCED,
		   TRACE_REMOVED,    /* by hand, or its expansion failed */
		   TRACE_REJECTED }; /* refused at the door: has no queue id */
const char *trace_state_name(enum trace_state state);

struct trace_recipient {
	struct span address;
	struct span original; /* as it was named; empty: the same */
};

/* How a message came to us. Spans are copied, cut at 1,000 bytes. */
struct trace_arrival {
	const uint8_t *queue_id; /* 16 bytes; null: it was refused */
	enum trace_direction direction;
	int64_t connected_ms, at_ms;
	struct span peer, helo, tls; /* "192.0.2.1:2525", "mail.example", "TLSv1.3 TLS_AES_..."; empty: none */
	uint64_t account_id, sid;
	struct span sender, message_id, subject;
	uint64_t size;
	const struct trace_recipient *recipients; /* numbered as in the queue, after aliases; of a refused one as named */
	size_t recipient_count;
	const struct span *given; /* as named, where some fell together; else null */
	size_t given_count;
	struct span reply; /* what the peer was told; empty: that it is queued */
};
void trace_arrived(struct trace *t, const struct trace_arrival *a); /* a null `t` is allowed, here and below */

/* One turn in the life of one recipient. `n`: its number in the queue; `host`: the mailbox's account address, or the remote "mx.example [192.0.2.7]:25". */
struct trace_turn {
	const uint8_t *queue_id;
	uint32_t n;
	struct span recipient, original;
	enum trace_state state;
	struct span host, tls, reply; /* the remote's words, verbatim */
	unsigned attempt;
	int64_t at_ms, next_ms;
};
void trace_turned(struct trace *t, const struct trace_turn *turn);

/* ---- looking ---- */

struct trace_filter {
	struct span sender, recipient; /* an address, "*@domain", "local@*"; empty: any */
	struct span id;                /* queue id or Message-ID */
	struct span text;              /* in subject, addresses and replies, without case */
	struct span domain;            /* sender or recipient in it */
	const struct span *domains;    /* of a domain admin: a recipient in one of them, or a sender who is in and sent it from here; null: all */
	size_t domain_count;
	uint64_t account_id;        /* of the sender; 0: any */
	int state;                  /* enum trace_state; -1: any */
	bool finished;              /* what is over: arrived, given up or removed, after it was accepted */
	int direction;              /* -1: any */
	int64_t since_ms, until_ms; /* 0: open */
};
struct trace_row {         /* one message-recipient */
	uint64_t id;       /* of the row: cursor */
	char queue_id[33]; /* "" : refused */
	int64_t at_ms, last_ms, next_ms;
	enum trace_direction direction;
	enum trace_state state;
	struct span sender, recipient, original, subject, message_id, last_reply; /* original: empty when the recipient was named so */
	uint64_t size;
	unsigned attempts;
};
/* Newest first, below `before_id` (0: from the newest). *more_out: there are more. ERR_LIMIT: the search looked at too much; narrow it. What waits to be written is written first. */
enum err trace_search(struct trace *t, const struct trace_filter *f, uint64_t before_id, size_t limit, struct arena *a, struct trace_row **out, size_t *count_out, bool *more_out) MUST_CHECK;

struct trace_step { /* of a timeline */
	int64_t at_ms;
	const char *what; /* "connected", "tls", "accepted", "rejected", "expanded", "attempt", "delivered"... */
	struct span recipient, host, detail;
	struct span tls; /* of an attempt; may be empty */
	int64_t next_ms; /* of a deferral: when it is tried again; 0: none */
};
struct trace_message {
	struct trace_arrival arrival; /* recipients: null, they are in the rows */
	const struct trace_row *rows;
	size_t row_count;
	const struct trace_step *steps; /* oldest first */
	size_t step_count;
};
/* By queue id (hex), by "refused_N" (row id of one that was refused). */
enum err trace_find(struct trace *t, struct span id, struct arena *a, struct trace_message *out) MUST_CHECK;

struct trace_stats {
	uint64_t written; /* notes */
	uint64_t dropped; /* notes: the buffer was full, too many were refused at the door, or the disk failed */
};
struct trace_stats trace_stats(struct trace *t);

#endif
