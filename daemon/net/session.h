/* net/session.h: what a protocol session looks like to a pool.
 *
 * A session is sans-I/O: bytes in; bytes, a step and at most one open question out. It never sees a socket, TLS, SQL or
 * the clock. One thread at a time is inside a session; which one changes.
 *
 *   open ──▶ event(SESSION_START) ──▶ feed / answer / more / event ... ──▶ close
 *
 * STEP_WAIT parks the session: the pool calls ask() once with a ticket; whoever answers calls pool_answer(ticket, value)
 * from any thread (also from inside ask()). Until then feed is not called; event(SESSION_WAKE) is not either.
 * A parked session whose peer has gone is closed at once; its answer is dropped by drop_answer().
 */
#ifndef POSTROOM_NET_SESSION_H
#define POSTROOM_NET_SESSION_H

#include "daemon/net/addr.h"
#include "daemon/net/out.h"

enum step {
	STEP_REPLY,      /* waits for (more) input; call feed again if some was not used */
	STEP_WAIT,       /* parked: a question is open */
	STEP_BODY,       /* like REPLY, in the middle of bulk data: fairness counts bytes, not commands */
	STEP_MORE,       /* output to come: more() is called when the chain has drained below the mark (or next turn) */
	STEP_STARTTLS,   /* flush, drop buffered input, handshake, then event(SESSION_TLS) */
	STEP_COMPRESS,   /* flush; what follows is DEFLATE both ways (RFC 4978), buffered input included */
	STEP_UNCOMPRESS, /* flush; DEFLATE is over both ways (RFC 8437 4.1) */
	STEP_CLOSE,      /* flush, then close */
};

enum session_event {
	SESSION_START,   /* connected (implicit TLS: after the handshake): greet */
	SESSION_EARLY,   /* instead of START: the peer spoke before it was greeted; say so, the pool closes afterwards */
	SESSION_TLS,     /* the handshake after STEP_STARTTLS is done */
	SESSION_TIMEOUT, /* nothing from the peer for deadline_ms(): say goodbye; the pool closes afterwards */
	SESSION_WAKE,    /* pool_wake(): news for this session (IDLE) */
	SESSION_NUDGE,   /* nothing went either way for nudge_ms(): say something that keeps the connection known on its way */
	SESSION_STOP,    /* the daemon stops: 421 or BYE; the pool closes afterwards */
	SESSION_EOF,     /* the peer has half-closed its side; output may still be flushed, then closed */
};

/* What ties an authentication to the connection (RFC 5056): tls-exporter (RFC 9266) and tls-server-end-point (RFC 5929). len 0: not to be had. */
struct session_binding {
	uint8_t exporter[32];
	size_t exporter_len;
	uint8_t end_point[64];
	size_t end_point_len;
};

/* How the connection stands; borrowed, valid until close. `tls` changes before SESSION_TLS. */
struct session_peer {
	struct net_addr remote, local;
	bool tls;
	bool trusted;            /* in a trusted_network: free of per-address limits and delays */
	bool proxied;            /* remote and local are what a proxy_from peer said (PROXY protocol) */
	const char *tls_version; /* "TLSv1.3", null without TLS */
	const char *tls_cipher;
	/* Of this very peer, by the session's own thread; null without TLS. Computed when asked: an idle connection keeps none of it. */
	void (*binding)(const struct session_peer *peer, struct session_binding *out);
	uint64_t sid; /* connection id of the log lines */
};

/* Names a connection without pointing at it: an answer for one that has gone is dropped. */
struct pool;
struct ticket {
	struct pool *pool;
	uint32_t slot, generation;
};

/* One protocol; filled in by its glue.c. All pointers are set but `more`, `drop_answer`, `ask`, `nudge_ms` where never needed. */
struct service {
	const char *name; /* of the log lines: "smtp" */
	void *context;
	/* ERR_LIMIT and ERR_TEMP: the peer is told `busy_reply` and closed. `self` names this connection for pool_wake(). */
	enum err (*open)(void *context, const struct session_peer *peer, struct ticket self, void **session_out);
	struct span busy_reply; /* full protocol line with CRLF, said to a connection over the limits */
	/* Uses as much of `in` as it can (*used_out); input that is not used comes again with more behind it. Needs progress or STEP_REPLY. */
	enum step (*feed)(void *session, struct span in, size_t *used_out, struct out *out);
	enum step (*more)(void *session, struct out *out);
	void (*ask)(void *session, struct ticket ticket);
	enum step (*answer)(void *session, void *answer, struct out *out); /* takes the answer */
	void (*drop_answer)(void *context, void *answer);                  /* its session is gone */
	enum step (*event)(void *session, enum session_event event, struct out *out);
	int64_t (*deadline_ms)(const void *session); /* how long the peer may stay silent (or not read) as things are now */
	int64_t (*nudge_ms)(const void *session);    /* 0: no nudge; null: never one */
	void (*close)(void *session);
};

#endif
