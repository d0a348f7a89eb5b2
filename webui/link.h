/* webui/link.h: one web connection on the pump: the client's side (plain or TLS) and the library's side (a socketpair), with
 * the bytes between them; internal to webui/. The pump's one thread owns all links.
 */
#ifndef POSTROOM_WEBUI_LINK_H
#define POSTROOM_WEBUI_LINK_H

#include "api/api.h"
#include "daemon/base/buf.h"
#include "webui/chunked.h"
#include "webui/head.h"
#include "webui/refusal.h"

struct tls;
struct tls_store;

#define LINK_BUFFER_MAX (64u * 1024u)
#define LINK_HEAD_MS 15000 /* from the first byte of a head to its last, and for the handshake */
#define LINK_BODY_MS 30000 /* for a body, and a second more for each LINK_BODY_RATE bytes that came */
#define LINK_BODY_RATE 4096
#define LINK_BODY_MAX_MS (60 * 60 * 1000)
#define LINK_IDLE_MS 60000   /* between requests */
#define LINK_WORK_MS 300000  /* for the first byte of an answer */
#define LINK_ANSWER_MS 60000 /* for the client to take what waits for it, and a second more for each LINK_ANSWER_RATE bytes it took */
#define LINK_ANSWER_RATE 8192
#define LINK_END_MS 10000   /* for the rest, once the client sends no more */
#define LINK_LINGER_MS 2000 /* for the client to close, once all is said */

enum link_stage {
	LINK_PROXY,  /* a PROXY header may stand first */
	LINK_FIRST,  /* TLS: is the first byte one of TLS? */
	LINK_SHAKES, /* in the handshake */
	LINK_OPEN,
};

struct link;
struct link_config {
	struct tls_store *tls; /* null: plain */
	bool may_be_proxied;   /* a PROXY header is believed */
	/* After a PROXY header that named a client: l->from is that one. False: too many of it. */
	bool (*met)(void *arg, struct link *l);
	/* At the first good head: the library's end of a new pair. */
	enum err (*open)(void *arg, struct link *l, int *library_out);
	void *arg;
};

struct link {
	const struct link_config *config;
	enum link_stage stage;
	struct net_addr from;             /* the client, as far as it is known */
	int client, library;              /* descriptors; -1: closed, or not open yet */
	struct tls *tls;                  /* null: plain */
	bool opened;                      /* the library has seen a head */
	bool client_ended, library_ended; /* end of file was read there */
	bool library_told;                /* that nothing more will come */
	bool lingering;                   /* all is said: what still comes is dropped */
	bool tls_wants_write;             /* reading TLS waits for room to write */
	bool awaiting;                    /* a head was passed, and nothing has come back since */
	bool cut_short;                   /* the refusal is for a body whose head was passed */
	enum refusal refusal;             /* the pump's own answer, said behind the library's last one */
	struct buf in;                    /* from the client, not yet judged */
	struct buf checked;               /* judged, on its way to the library */
	struct buf out;                   /* on its way to the client */
	uint64_t body_left;               /* of the request being passed on */
	bool in_chunks;                   /* its body is chunked */
	struct chunked chunks;
	uint64_t body_bytes, answer_bytes;
	int64_t body_began_ms, answer_began_ms; /* 0: none */
	int64_t deadline_ms;                    /* monotonic */
};

/* What the pump watches for each side: EPOLLIN and EPOLLOUT bits. */
struct link_wants {
	uint32_t client, library;
};

enum link_state {
	LINK_WAITS, /* for what link_wants() says */
	LINK_MORE,  /* could go on at once: others first */
	LINK_DONE,  /* to be cleared */
};

/* Takes the descriptor (non-blocking); `config` is borrowed. */
void link_init(struct link *l, int client, const struct net_addr *from, const struct link_config *config);
/* Moves what can be moved, within the budget of one turn. */
enum link_state link_turn(struct link *l);
/* No further request: what is in flight is answered, then the link is done with. Follow with link_turn(). */
void link_end(struct link *l);
/* The deadline has come. True: the client is told so first; follow with link_turn(). */
bool link_expire(struct link *l);
/* Gives back memory that nothing stands in. */
void link_rest(struct link *l);
struct link_wants link_wants(const struct link *l);
void link_clear(struct link *l);

#endif
