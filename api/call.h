/* api/call.h: one request on its way through a handler; internal to api/.
 *
 * A handler that changes something:   call_begin() ─▶ directory_*, auth_* ... ─▶ call_finish(status, body, change)
 * call_finish writes the audit entry, keeps the answer for the Idempotency-Key, commits, and then answers; with dry_run it rolls back
 * and says what would have changed.
 */
#ifndef POSTROOM_API_CALL_H
#define POSTROOM_API_CALL_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/openapi.h"
#include "daemon/auth/auth.h"
#include "daemon/directory/directory.h"

struct json_t;
struct token;
struct planned;

#define CALL_MAX_ARGS 2
#define CALL_ARENA_MAX (32u * 1024u * 1024u)

enum caller_kind { CALLER_NOBODY,
		   CALLER_LOCAL,
		   CALLER_SESSION,
		   CALLER_TOKEN };

struct caller {
	enum caller_kind kind;
	enum role role;
	uint64_t account_id; /* 0: local, nobody */
	uint64_t session_id, token_id;
	bool proven;                /* a step-up within 5 minutes, or local */
	bool all_domains;           /* false: `domains` only */
	const struct span *domains; /* sorted; what role and token leave */
	size_t domain_count;
	bool token_limited;    /* a token that names domains: nothing outside of `domains`, whatever the role */
	struct span name, via; /* for the audit: "alice@example.org", "session" */
};

/* Of a POST with an Idempotency-Key: api/idempotency.h. */
struct idempotency {
	bool wanted; /* the answer is to be kept */
	bool entered, kept;
	uint8_t key[32];       /* digest of caller and key */
	uint8_t request[32];   /* digest of what was asked */
	struct span claimed;   /* call_claimed() */
	struct api_call *next; /* of those in flight */
};

struct api_call {
	const struct api_context *context;
	const struct api_request *request;
	struct api_response *response;
	enum operation operation;
	struct arena arena;
	struct span args[CALL_MAX_ARGS]; /* what the path's {} held, percent-decoded */
	struct query query;
	struct json_t *body; /* of an operation with a JSON body: checked against its schema; the call's */
	struct span upload;  /* of an upload operation: the bytes, mapped; also when `body` was read from them */
	uint64_t mapped_bytes;
	uint64_t room; /* that `body` takes, of what uploads share; whoever keeps the body takes this over */
	struct caller caller;
	const struct token *token; /* of CALLER_TOKEN */
	bool dry_run;
	bool open;                               /* a batch of the directory is open */
	struct planned *planned, **planned_last; /* what call_change() was told */
	size_t planned_count;
	enum err change_error;         /* the first that went wrong there */
	const struct snapshot *staged; /* the batch's: borrowed */
	struct idempotency idempotency;
	/* Parking (call_park_*): */
	void (*resume)(void *arg);
	void *resume_arg;
	void (*then)(struct api_call *c); /* runs in api_continue(); null: not parked */
	atomic_int park;                  /* park.c */
	struct auth_result password_result;
	void *asked; /* whatever else is asked: its own */
};

/* ---- what was asked; values are checked against openapi.json already ---- */

/* The value of a query parameter, decoded; its documented default, or empty, when it is not there. */
struct span call_query(struct api_call *c, const char *name);
bool call_has_query(struct api_call *c, const char *name);
int64_t call_query_number(struct api_call *c, const char *name);
bool call_query_flag(struct api_call *c, const char *name);
int64_t call_query_time(struct api_call *c, const char *name); /* unix ms; 0: not there */
const struct span *call_query_list(struct api_call *c, const char *name, size_t *count_out);

/* Fields of the body; `object` null: c->body. Empty, 0, false, null when it is not there. Spans live as long as the body. */
struct span body_text(struct api_call *c, const char *field);
bool body_has(struct api_call *c, const char *field); /* there, and not null */
bool body_is_null(struct api_call *c, const char *field);
bool body_flag(struct api_call *c, const char *field);
int64_t body_number(struct api_call *c, const char *field);
int64_t body_time(struct api_call *c, const char *field); /* unix ms */
/* A list of strings, in the arena. */
const struct span *body_texts(struct api_call *c, const char *field, size_t *count_out);

/* May the caller see or change what is in this domain? What is not theirs does not exist for them: 404. */
bool call_reaches_domain(const struct api_call *c, struct span domain);

/* ---- changing ---- */

struct change {
	const char *verb;              /* "create", "update", "delete"...: of a dry run's plan */
	struct span subject;           /* "alice@example.org" */
	struct span domain;            /* empty: none */
	struct json_t *before, *after; /* taken; may be null. What is secret in them is masked already */
	int event;                     /* enum event_type that is raised after the commit; -1: none */
};
/* Opens the batch. False: answered (503). */
bool call_begin(struct api_call *c);
/* One of several changes of this batch; call_finish() then takes a null change, or the last. */
void call_change(struct api_call *c, struct change *change);
/* If-Match against the representation as it is now (inside the batch). False: answered, 412; 428 where the operation demands one. */
bool call_if_match(struct api_call *c, struct json_t *now);
/* Takes *value (null: 204). Answers in every case; a failed commit is 503. True: it is done for good (not with a dry run). `change` may be null. */
bool call_finish(struct api_call *c, int status, struct json_t **value, struct change *change);
/* Rolls back and answers like call_reply_error. */
void call_abandon(struct api_call *c, enum err e, const struct note *why);
/* For work that is no batch: `note` is kept with the Idempotency-Key, durably, before the work begins. A request that was cut short and comes
 * again finds it in call_claimed(). Without a key: nothing happens. False: answered. */
bool call_claim(struct api_call *c, struct span note);
struct span call_claimed(const struct api_call *c); /* empty: none */
/* The directory as this call's batch sees it, else as it is: to be released, in a batch before the next change. */
const struct snapshot *call_directory(struct api_call *c);
void call_release(struct api_call *c, const struct snapshot **s);

/* ---- answers; each handler gives exactly one ---- */

void call_reply_json(struct api_call *c, int status, struct json_t **value); /* takes it; null: 500. GET 200: ETag, and 304 for If-None-Match */
/* The same of a thing of which `beside` changes by itself: If-Match with its ETag asks for the rest alone. Takes both. */
void call_reply_beside(struct api_call *c, struct json_t **thing, const char *name, struct json_t *beside);
void call_reply_empty(struct api_call *c);                                                        /* 204 */
void call_reply_text(struct api_call *c, int status, const char *content_type, struct buf *text); /* takes the bytes */
/* {"data": [...], "next_cursor", "total_estimate"} and Link (RFC 8288): takes the list; an empty cursor is null; total < 0: left out, capped at 1,000. */
struct page {
	struct json_t *list;
	struct span next_cursor; /* opaque to the client: cursor_make() */
	int64_t total;
};
void call_reply_page(struct api_call *c, struct page *page);
/* RFC 9457. `code` is stable; `pointer` (may be null) names the field at fault. */
void call_reply_problem(struct api_call *c, int status, const char *code, const char *pointer, const char *format, ...) PRINTF_LIKE(5, 6);
/* What a service said no to: the status and code of `e`, with its words. */
void call_reply_error(struct api_call *c, enum err e, const struct note *why);
void call_header(struct api_call *c, const char *name, struct span value); /* copied */
/* "location of what was created": /api/v1/ and the rest, percent-encoded where needed. */
void call_location(struct api_call *c, const char *collection, struct span key);

/* ---- slow questions: the handler returns after it; `then` goes on with it ---- */

/* The handler asks somebody else, and returns; `then` runs when call_go_on() was called, from any thread: from there on the call is not the asker's. */
void call_park(struct api_call *c, void (*then)(struct api_call *c));
void call_go_on(struct api_call *c);
/* AUTH_OK and the rest are for `then` to judge; the answer waits as long as the throttle says (api_response.delay_ms). The last thing that a handler does. */
void call_park_password(struct api_call *c, struct span login, struct span password, void (*then)(struct api_call *c));
const struct auth_result *call_password_result(const struct api_call *c);

/* ---- values ---- */

struct json_t *json_span(struct span s);         /* a string; bytes that are not UTF-8 become U+FFFD */
struct json_t *json_span_or_null(struct span s); /* null for an empty one */
struct json_t *json_time(int64_t unix_ms);       /* RFC 3339; null for 0 */
struct json_t *json_spans(const struct span *list, size_t count);

/* ---- pages ---- */

/* A page's limits: `limit` and `cursor` of the query. A cursor is bound to operation, filter and sort by a keyed digest: another one is 400. */
struct paging {
	size_t limit;
	struct span after; /* the inner cursor that cursor_make() was given; empty: from the start */
};
bool call_paging(struct api_call *c, struct paging *out); /* false: answered */
struct span cursor_make(struct api_call *c, struct span inner);

#endif
