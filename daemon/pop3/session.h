/* pop3/session.h: one POP3 session (RFC 1939), sans-I/O. Internal to this folder, its tests and its fuzzer.
 *
 * What the session needs of the world stands in struct pop3_service, which glue.c, a test or a fuzzer fills in.
 */
#ifndef POSTROOM_POP3_SESSION_H
#define POSTROOM_POP3_SESSION_H

#include "daemon/auth/auth.h"
#include "daemon/auth/exchange.h"
#include "daemon/net/session.h"
#include "daemon/pop3/limits.h"
#include "daemon/store/drop.h"

struct pop3_session;

/* Quick questions: local memory or disk. */
struct pop3_service {
	/* The account after a right password, for this session alone. ERR_EXISTS: another session has its maildrop; ERR_DENIED: suspended by now. */
	enum err (*account_open)(void *ctx, uint64_t account_id, struct mailstore **out);
	void (*account_close)(void *ctx, struct mailstore **m);
	bool (*may_bind)(void *ctx);  /* SCRAM-SHA-256-PLUS is on offer */
	void (*scram_end)(void *ctx); /* what a SCRAM exchange has left behind is not wanted any more */

	/* The store's own functions under the same names and contracts. */
	enum err (*drop_open)(struct mailstore *m, struct drop **out);
	void (*drop_close)(struct drop **d);
	uint32_t (*drop_count)(const struct drop *d);
	uint64_t (*drop_bytes)(const struct drop *d);
	enum err (*drop_read)(struct drop *d, uint32_t first, uint32_t last, unsigned want,
			      bool (*each)(void *arg, uint32_t number, const struct message_row *row), void *arg, uint32_t *next_out);
	void (*drop_id)(const struct drop *d, const struct message_row *row, char out[DROP_ID_LEN + 1]);
	enum err (*drop_remove)(struct drop *d, const uint8_t *bits);
	enum err (*drop_mark_seen)(struct drop *d, const uint8_t *bits);
	enum err (*body_open)(const char *path, struct drop_body **out);
	enum err (*body_read)(struct drop_body *b, uint64_t offset, size_t length, struct buf *out);
	void (*body_close)(struct drop_body **b);
};

enum pop3_state {
	POP3_START = 1, /* AUTHORIZATION */
	POP3_TRANSACTION = 2,
	POP3_UPDATE = 4, /* QUIT was said: what is marked is removed */
	POP3_ENDED = 8,  /* nothing is read any more */
};

/* The open question. Valid until the answer. */
enum pop3_ask_kind {
	POP3_ASK_PASSWORD,    /* is it right? */
	POP3_ASK_SCRAM_FIRST, /* a new exchange: the challenge? */
	POP3_ASK_SCRAM_FINAL, /* who is it, and what proves the server? */
};
struct pop3_ask {
	enum pop3_ask_kind kind;
	struct span login, password;
	struct span scram; /* the client's message */
	bool scram_plus;   /* of SCRAM_FIRST */
};
struct pop3_answer {
	struct auth_result result; /* of PASSWORD and SCRAM_FINAL */
	enum err error;            /* of SCRAM_: how the message was taken; SYNTAX: it was none */
	struct span text;          /* of SCRAM_: the server's message; borrowed for the call */
};

/* A set of messages: a bit each. */
struct pop3_marks {
	uint8_t *bits; /* null: none */
	uint32_t count;
	uint64_t bytes;
};

/* What goes out as the lines of a multi-line reply, and how far it is. */
struct pop3_text {
	char before, last;   /* the last two bytes: CR LF where a line begins */
	bool is_limited;     /* TOP */
	uint64_t lines_left; /* of TOP: of the body */
};

/* The command whose output is to come. */
struct pop3_run {
	enum step (*more)(struct pop3_session *s, struct out *out); /* null: none */
	uint32_t next, last;                                        /* of LIST and UIDL */
	struct pop3_text text;                                      /* of RETR and TOP: */
	struct drop_body *body;                                     /* open while a file goes out */
	uint32_t fetched;                                           /* whose it is, of RETR; 0: of TOP */
	uint64_t offset, length;
};

struct pop3_session {
	const struct pop3_service *service;
	void *ctx; /* glue's */
	const struct session_peer *peer;
	bool may_starttls;
	enum pop3_state state;
	bool in_exchange; /* the next line is a response of AUTH */
	bool utf8;        /* UTF8 was said (RFC 6856) */

	unsigned bad_count, login_failures;
	struct arena secret; /* USER's name and the password, until the answer */
	struct span user;    /* there; ptr null: USER was not said */
	struct exchange exchange;
	struct pop3_ask ask;

	uint64_t account_id;
	struct mailstore *store;
	struct drop *drop;
	struct pop3_marks deleted, fetched;

	struct pop3_run run;
	struct span ahead; /* what the peer has sent behind the present command; during feed */
	size_t ahead_used; /* of it, by the command */
};

enum err pop3_session_new(const struct pop3_service *service, void *ctx, const struct session_peer *peer, bool may_starttls,
			  struct pop3_session **out) MUST_CHECK;
void pop3_session_free(struct pop3_session **s);
enum step pop3_session_event(struct pop3_session *s, enum session_event event, struct out *out);
enum step pop3_session_feed(struct pop3_session *s, struct span in, size_t *used_out, struct out *out);
enum step pop3_session_more(struct pop3_session *s, struct out *out);
enum step pop3_session_answer(struct pop3_session *s, const struct pop3_answer *answer, struct out *out);
int64_t pop3_session_deadline_ms(const struct pop3_session *s);
/* All of the service that is the store's. */
void pop3_store_service(struct pop3_service *out);

/* For the command files. */

void pop3_set_state(struct pop3_session *s, enum pop3_state to);
/* A password may pass on this connection as it is. */
bool pop3_may_login(const struct pop3_session *s);
/* The command can't be, by what the peer sent: so many are borne with. */
enum step pop3_bad(struct pop3_session *s, struct out *out, const char *text);
/* -ERR for what the store said. */
enum step pop3_fail(struct pop3_session *s, struct out *out, enum err e);
/* "-ERR text" and the end. */
enum step pop3_bye(struct pop3_session *s, struct out *out, const char *text);

static inline bool pop3_is_marked(const struct pop3_marks *m, uint32_t number)
{
	return m->bits && (m->bits[(number - 1) / 8] & 1u << (number - 1) % 8);
}
/* False: no memory. */
bool pop3_mark(const struct pop3_session *s, struct pop3_marks *m, uint32_t number, uint64_t bytes);
void pop3_marks_clear(struct pop3_marks *m);
/* The maildrop is anybody's again; what was fetched has \Seen, as far as that can be. */
void pop3_release(struct pop3_session *s);
/* What is not marked as deleted. */
uint32_t pop3_left_count(const struct pop3_session *s);
uint64_t pop3_left_bytes(const struct pop3_session *s);
/* Is it a message of the maildrop that is not marked as deleted? */
bool pop3_is_there(const struct pop3_session *s, uint64_t number);

#endif
