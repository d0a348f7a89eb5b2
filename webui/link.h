/* webui/link.h: one web connection on the pump: the client's side (plain or TLS) and the library's side (a socketpair), with
 * the bytes between them; internal to webui/. The pump's one thread owns all links.
 */
#ifndef POSTROOM_WEBUI_LINK_H
#define POSTROOM_WEBUI_LINK_H

#include "api/api.h"
#include "daemon/base/buf.h"
#include "webui/head.h"

struct tls;
struct tls_store;

#define LINK_BUFFER_MAX (64u * 1024u)
#define LINK_HEAD_MS 15000  /* from the first byte of a head to its last, and for the handshake */
#define LINK_BODY_MS 120000 /* for a whole body */
#define LINK_IDLE_MS 60000  /* between requests, and for a response that does not move */
#define LINK_END_MS 10000   /* for the rest, once the client sends no more */
#define LINK_LINGER_MS 2000 /* for the client to close, once all is said */

struct link {
	int client, library;              /* descriptors; -1: closed */
	struct tls *tls;                  /* null: plain */
	bool shaking;                     /* in the handshake */
	bool client_ended, library_ended; /* end of file was read there */
	bool library_told;                /* that nothing more will come */
	bool lingering;                   /* all is said: what still comes is dropped */
	bool tls_wants_write;             /* reading TLS waits for room to write */
	const char *refusal;              /* the pump's own answer, said behind the library's last one; null: none */
	struct buf in;                    /* from the client, not yet judged */
	struct buf checked;               /* judged, on its way to the library */
	struct buf out;                   /* on its way to the client */
	uint64_t body_left;               /* of the request being passed on */
	int64_t deadline_ms;              /* monotonic */
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

/* Takes both descriptors (non-blocking). `store` null: plain. */
enum err link_init(struct link *l, int client, int library, struct tls_store *store) MUST_CHECK;
/* Moves what can be moved, within the budget of one turn. */
enum link_state link_turn(struct link *l);
/* No further request: what is in flight is answered, then the link is done with. Follow with link_turn(). */
void link_end(struct link *l);
struct link_wants link_wants(const struct link *l);
void link_clear(struct link *l);

#endif
