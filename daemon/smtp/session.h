/* smtp/session.h: one SMTP session without sockets, TLS, storage or clock: bytes in; bytes, a step and at most one question out.
 *
 * glue.c, the transcripts and the fuzzer open it with a struct of functions that answer its quick questions at once, and
 * answer its slow ones (struct smtp_question, after STEP_WAIT) by smtp_session_answer().
 */
#ifndef POSTROOM_SMTP_SESSION_H
#define POSTROOM_SMTP_SESSION_H

#include "daemon/base/arena.h"
#include "daemon/mime/address.h"
#include "daemon/queue/queue.h"
#include "daemon/queue/sending.h"
#include "daemon/smtp/body.h"
#include "daemon/smtp/limits.h"
#include "daemon/smtp/reply.h"
#include "daemon/smtp/smtp.h"

enum smtp_recipient {
	SMTP_RECIPIENT_OK,
	SMTP_RECIPIENT_UNKNOWN,
	SMTP_RECIPIENT_SUSPENDED,
	SMTP_RECIPIENT_REFUSED,    /* a domain that is disabled and refuses */
	SMTP_RECIPIENT_OVER_QUOTA, /* 452 4.2.2 */
	SMTP_RECIPIENT_REMOTE,
	SMTP_RECIPIENT_NO_MAIL,    /* remote, and its domain is known to take no mail (RFC 7505) */
	SMTP_RECIPIENT_SUPPRESSED, /* remote, and failed for good lately; `words` say how */
	SMTP_RECIPIENT_LATER,      /* can't be looked up now */
};
struct smtp_recipient_verdict {
	enum smtp_recipient kind;
	struct span words; /* of SUPPRESSED; valid until it is asked again */
};

/* What holds for the uid at the other end of submit.sock. */
struct smtp_local {
	bool allowed; /* to hand in anything */
	bool sends_outside;
	struct span sender; /* the envelope's sender where the program has none of its own */
	struct span origin; /* the domain of addresses that have none */
};

/* Settings: what EHLO announces, and what holds for a transaction from its MAIL on. */
struct smtp_limits {
	uint64_t size_max; /* of a message, bytes */
	size_t recipients_max;
	unsigned commands_max, errors_max; /* of a session */
	int64_t idle_ms, message_ms;
	size_t line_max; /* octets of a line of content, with its CRLF */
};

/* A message, or a recipient of it, that was not taken. */
struct smtp_refusal {
	struct accept_origin origin;
	struct span sender;
	const struct span *recipients;
	size_t recipient_count;
	uint64_t account_id, size;
	struct span reply;
};

/* Quick questions: local memory or disk. The accept_ functions are those of queue/queue.h. */
struct smtp_services {
	void (*limits)(void *world, struct smtp_limits *out);
	/* `from_nobody`: the reverse-path is null: a bounce, which alone may go to a rewritten path of ours (queue/srs.h). `size` of the message, as far as
	 * it is known, and 1 at least; 0: no mail is to go there, and a full mailbox is no matter. */
	void (*recipient)(void *world, const struct address *address, bool from_nobody, uint64_t size, struct smtp_recipient_verdict *out);
	bool (*takes_mail)(void *world); /* there is a domain whose mail is ours; may be null: yes */
	bool (*has_room)(void *world);   /* on the disk, for one more message of full size and the reserve; may be null: yes */
	/* May the account send to these outside: those of the transaction, the newest last? count 0: may it send at all (the breaker)? *again_s_out: seconds
	 * until it may, 0: unknown. Never asked of recipients for a loopback or trusted peer; may be null: yes. */
	enum sending_verdict (*sending)(void *world, uint64_t account_id, const struct span *outside, size_t count, int64_t *again_s_out);
	/* The peer has named one more recipient who is unknown here: how many came from its address (IPv6: its /64) lately, this one counted. Never called for a
	 * loopback or trusted peer; may be null: the session's own count holds. */
	unsigned (*unknown_named)(void *world);
	bool (*may_send_as)(void *world, uint64_t account_id, const struct address *address);
	bool (*login_holds)(void *world, uint64_t account_id, uint64_t credential); /* nothing has ended what the password began */
	/* Of SMTP_LOCAL only. Null: can't be read now. Valid until it is asked again. */
	const struct smtp_local *(*local)(void *world);
	bool (*local_may_send_now)(void *world); /* counts one message */
	bool (*may_bind)(void *world);           /* SCRAM-SHA-256-PLUS is on offer */
	void (*scram_end)(void *world);          /* what a SCRAM exchange has left behind is not wanted any more */
	int64_t (*real_ms)(void *world);
	int64_t (*mono_ms)(void *world);
	void (*new_id)(struct queue_id *out);
	enum err (*accept_begin)(void *world, struct accept **out);
	enum err (*accept_add)(struct accept *a, struct span bytes);
	struct span (*accept_header)(struct accept *a);
	enum err (*accept_set_header)(struct accept *a, struct span header);
	unsigned (*accept_received_count)(struct accept *a);
	enum err (*accept_seal)(struct accept *a, const struct accept_envelope *envelope, struct note *why);
	void (*accept_end)(struct accept **a);
	void (*refused)(void *world, const struct smtp_refusal *refusal); /* a note for the trace; may be null */
};

struct smtp_setup {
	const struct smtp_services *services; /* borrowed */
	void *world;
	enum smtp_profile profile;
	const struct session_peer *peer; /* borrowed */
	struct span hostname;            /* copied */
	bool start_tls;                  /* the pool can do it */
};

/* Slow questions. */
enum smtp_ask {
	SMTP_ASK_NOTHING,
	SMTP_ASK_PASSWORD,
	SMTP_ASK_SCRAM_FIRST, /* a new exchange; YES: `text` is the challenge */
	SMTP_ASK_SCRAM_FINAL, /* YES: `text` is what proves the server */
	SMTP_ASK_COMMIT,      /* of a sealed message: take *message */
	SMTP_ASK_PAUSE,       /* any answer, but not before delay_ms have passed */
};
struct smtp_question {
	enum smtp_ask kind;
	struct span login, password;   /* of ASK_PASSWORD; valid until the answer */
	const struct net_addr *remote; /* of ASK_PASSWORD */
	struct span scram;             /* of ASK_SCRAM_: the client's message; valid until the answer */
	bool scram_plus;               /* of ASK_SCRAM_FIRST */
	struct accept **message;       /* of ASK_COMMIT */
	int64_t delay_ms;              /* of ASK_PAUSE: at most SMTP_PAUSE_MAX_MS */
};
enum smtp_verdict {
	SMTP_YES,
	SMTP_NO,
	SMTP_SUSPENDED,          /* right password of a suspended account */
	SMTP_PROTOCOL_OFF,       /* right password of an account that may not use this protocol */
	SMTP_REFUSED,            /* too many failures: retry_after_ms */
	SMTP_WANTS_APP_PASSWORD, /* right main password, but a second factor is on */
	SMTP_MALFORMED,          /* of ASK_SCRAM_: not a message of it */
	SMTP_LIMITED,            /* of ASK_COMMIT: by now its account has sent what it may */
	SMTP_STOPPED,            /* of ASK_COMMIT: by now its account may not send */
	SMTP_LATER,              /* could not be done now; nothing has changed */
};
struct smtp_answer {
	enum smtp_verdict verdict;
	uint64_t account_id, credential; /* of YES to ASK_PASSWORD and ASK_SCRAM_FINAL */
	int64_t retry_after_ms;          /* of REFUSED */
	struct span text;                /* of YES to ASK_SCRAM_; borrowed for the call */
	struct span login;               /* of ASK_SCRAM_: whom the client named; borrowed for the call */
};

struct smtp_session;

/* ERR_TEMP without memory. */
enum err smtp_session_new(const struct smtp_setup *setup, struct smtp_session **out) MUST_CHECK;
void smtp_session_free(struct smtp_session **s);

/* "mx", "submission", "lmtp", "local": of logs. */
const char *smtp_profile_name(enum smtp_profile profile);

/* As net/session.h has them. */
enum step smtp_session_feed(struct smtp_session *s, struct span in, size_t *used_out, struct out *out);
enum step smtp_session_answer(struct smtp_session *s, const struct smtp_answer *answer, struct out *out);
enum step smtp_session_event(struct smtp_session *s, enum session_event event, struct out *out);
const struct smtp_question *smtp_session_question(const struct smtp_session *s);

#endif
