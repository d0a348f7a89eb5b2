/* net/conn.h: one connection and its turns (internal to net).
 *
 *   NEW ──▶ GREET ──▶ TALK ◀──▶ PARKED        PROXY ──▶ NEW: a proxy has said who it is
 *                     │  ◀──▶ MORE            NEW ──▶ HANDSHAKE ──▶ TALK (implicit TLS), and back to it (STARTTLS)
 *                     └──▶ CLOSE ──▶ LINGER   TALK ──▶ SECURE (flushing what is said before) ──▶ HANDSHAKE
 *                                             TALK ──▶ COMPRESS (likewise, also when it ends) ──▶ TALK
 */
#ifndef POSTROOM_NET_CONN_H
#define POSTROOM_NET_CONN_H

#include "daemon/net/claim.h"
#include "daemon/net/pool_internal.h"
#include "daemon/net/tls.h"

enum phase { PHASE_PROXY,
	     PHASE_NEW,
	     PHASE_HANDSHAKE,
	     PHASE_GREET,
	     PHASE_TALK,
	     PHASE_PARKED,
	     PHASE_MORE,
	     PHASE_SECURE,
	     PHASE_COMPRESS,
	     PHASE_CLOSE,
	     PHASE_LINGER };

/* All but the claim belongs to the owner; `timer` is the wheel's while it is in. */
struct conn {
	struct claim claim;
	struct conn *ready_next; /* in the ready list, and in the list of free slots */
	struct wheel_entry timer;
	uint32_t slot, generation;
	int fd;
	unsigned service_index;
	const struct service *service;
	void *session; /* null before open() */
	struct tls *tls;
	struct pack *pack; /* null: what goes over the wire is what is said */
	struct buf in;     /* input that waits for more, or for its turn */
	struct out out;
	struct session_peer peer;
	int64_t deadline_at_ms;
	int64_t armed_ms;    /* what the wheel knows; 0: nothing */
	int64_t nudge_at_ms; /* 0: none is due */
	size_t moved;        /* bytes since deadline_at_ms was last moved */
	size_t discarded;    /* while lingering */
	enum phase phase;
	bool implicit_tls;
	bool counted;               /* in pool.peers */
	bool registered, polls_out; /* in epoll, with EPOLLOUT */
	bool readable;              /* a read may find something: nothing else will say so again */
	bool blocked;               /* a write found the socket full */
	bool peer_shut;             /* EPOLLRDHUP was seen: read to the end */
	bool eof, eof_told;
	bool hungry;  /* the session cannot use `left` without more */
	bool in_body; /* the last step was STEP_BODY */
	bool wake, stop;
};

/* A dead slot comes to life around a socket; the caller is its owner. `is_proxy`: the peer has to say first for whom it speaks, and is not
 * counted; else one that is not trusted is counted already. */
void conn_open(struct pool *p, struct conn *c, int fd, const struct port *port, const struct session_peer *peer, bool is_proxy);
/* The owner's turn; at its end the connection is released, on the ready list, or gone. */
void conn_run(struct worker *w, struct conn *c);

#endif
