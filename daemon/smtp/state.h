/* smtp/state.h: the inside of a session, for the files of this room. */
#ifndef POSTROOM_SMTP_STATE_H
#define POSTROOM_SMTP_STATE_H

#include "daemon/auth/exchange.h"
#include "daemon/smtp/parse.h"
#include "daemon/smtp/session.h"

enum smtp_state {
	AT_CONNECTED = 1, /* nothing said yet */
	AT_START = 2,     /* greeted; no EHLO since, or since the handshake */
	AT_READY = 4,
	AT_MAIL = 8,    /* a sender, no recipient yet */
	AT_RCPT = 16,   /* at least one recipient */
	AT_BDAT = 32,   /* between two chunks */
	AT_DATA = 64,   /* content until the final dot */
	AT_CHUNK = 128, /* octets of a chunk */
	AT_AUTH = 256,  /* the next line is a SASL response */
	AT_WAIT = 512,  /* parked */
	AT_TLS = 1024,  /* in the handshake */
	AT_CLOSED = 2048,
};
#define AT_ANY (AT_START | AT_READY | AT_MAIL | AT_RCPT | AT_BDAT)

/* What MAIL asked for. */
struct smtp_wish {
	bool utf8, body_8bit, body_binary, require_tls, has_priority;
	enum dsn_return ret;
	struct span envid; /* transaction arena */
	int priority;
	int64_t release_ms, deliver_by_ms; /* unix; 0: not asked */
	unsigned deliver_by;
	uint64_t size; /* as announced; 0: not */
};

struct smtp_session {
	const struct smtp_services *services;
	void *world;
	enum smtp_profile profile;
	const struct session_peer *peer;
	struct smtp_limits limits; /* as of EHLO, or of the transaction */
	bool start_tls;
	bool broken; /* an edge that is not in the diagram */
	enum smtp_state state;
	unsigned spent;              /* of the patience with it */
	unsigned commands, messages; /* so far; commands of a message that was accepted do not count */
	unsigned unknown_named;      /* recipients who are unknown here */

	/* session */
	int64_t connected_ms; /* unix */
	char hostname[SMTP_HELO_MAX + 1], helo[SMTP_HELO_MAX + 1];
	bool extended;                   /* EHLO, not HELO */
	uint64_t account_id, credential; /* 0: nobody */
	bool sends_outside;              /* SMTP_LOCAL: as MAIL found it */
	unsigned auth_failures;

	/* the line that is not whole yet */
	size_t scanned;          /* of the unused input: no LF in it */
	uint64_t skipped;        /* of a line that is too long; 0: none */
	bool uncounted;          /* it is a BDAT: octets follow */
	int64_t line_started_ms; /* mono; 0: no line begun */

	/* transaction */
	struct arena transaction;
	struct span reverse_path;          /* transaction arena, as the lines below */
	struct span *recipients, *outside; /* all; those of them that are not here */
	struct accept_wish *wishes;        /* one a recipient */
	size_t recipient_count, recipient_room, outside_count;
	struct smtp_wish wish;
	unsigned commands_before; /* its MAIL */
	struct accept *message;
	struct queue_id id;

	/* content */
	struct body_scanner scanner;
	enum smtp_reply_id refusal; /* what the end of the content will be answered with; NONE: all is well */
	uint64_t content_bytes, discarded_bytes, chunk_left, chunk_size;
	bool chunk_last;
	enum smtp_state chunk_from; /* where a refused chunk returns to */
	int64_t content_started_ms;

	/* authentication */
	struct exchange exchange; /* of AUTH */

	struct smtp_question ask;
	enum smtp_state paused_at; /* of ASK_PAUSE: where it goes on, and what is said then */
	enum smtp_reply_id paused;
	struct arena command;
	size_t answers; /* how many times the reply being made is said; 0: once */
	char text[64];  /* of the reply being made */
};

/* session.c */
void smtp_set_state(struct smtp_session *s, enum smtp_state to);
void smtp_transaction_clear(struct smtp_session *s);

/* Anybody's mail comes in here, for recipients of ours. */
static inline bool smtp_is_from_outside(const struct smtp_session *s)
{
	return s->profile == SMTP_MX || s->profile == SMTP_LMTP;
}

/* On this machine or in a network that an administrator trusts. */
static inline bool smtp_peer_is_near(const struct smtp_session *s)
{
	return s->peer->trusted || s->peer->remote.family == NET_UNIX || net_is_loopback(&s->peer->remote);
}

/* Its account has limits of what it may send (queue/sending.h). */
static inline bool smtp_is_limited(const struct smtp_session *s)
{
	return s->account_id != 0 && s->services->sending && !smtp_peer_is_near(s);
}

static inline struct span smtp_hostname(const struct smtp_session *s)
{
	return span_str(s->hostname);
}

#endif
