/* api/api.h: the REST resources. api_dispatch() knows no HTTP server: a request and a response as values.
 *
 * JSON in and out (RFC 8259), problem+json (RFC 9457) for errors. May block (disk, hashing): never called on a pool thread.
 *
 *   route ──▶ who calls (socket, cookie, token) ──▶ policy (role, scope, step-up) ──▶ limits ──▶ body and query against openapi.json ──▶ handler
 */
#ifndef POSTROOM_API_API_H
#define POSTROOM_API_API_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

struct auth;
struct directory;
struct doctor;
struct events;
struct jobs;
struct probes;
struct queue;
struct relay;
struct store;
struct tls_store;
struct trace;
struct webhooks;

/* What the resources stand on. With the daemon down (setup, user passwd) all but `directory` and `auth` are null. */
struct api_context {
	struct directory *directory;
	struct auth *auth;
	struct queue *queue;
	struct relay *relay;
	struct store *store;
	struct events *events;
	struct trace *trace;
	struct webhooks *webhooks;
	struct doctor *doctor; /* checks of mailboxes; also with the daemon down, for the command that asks for one */
	struct jobs *jobs;     /* api/jobs.h */
	struct probes *probes; /* api/probes.h */
	int64_t started_ms;    /* unix */
	const char *services;  /* what listens, for /healthz: "mx submission imap" */
	const char *spool_dir; /* the data folder: uploads, in files without a name */
	/* Of these protocols: bits of enum auth_protocol. Upward: main fills it in; may be null. */
	void (*end_sessions)(void *arg, uint64_t account_id, unsigned protocols);
	void (*reload_certificates)(void *arg); /* the same */
	void (*grants_changed)(void *arg);      /* the same; after a commit */
	void *arg;
};

enum api_caller { API_NOBODY, /* to be found out by token or cookie */
		  API_LOCAL_OWNER /* unix socket: root or the service's user; or the command line under the data-folder lock */ };

/* Spans are borrowed until the request has been answered. Header values as they came; empty: not sent. */
struct api_request {
	struct span method, path, query; /* path without the query, percent-encoding still on */
	struct span content_type, accept, body;
	int upload_fd; /* of an upload operation: the body, in an unlinked file, at its start; else -1 */
	uint64_t upload_size;
	enum api_caller caller;
	struct net_addr peer;
	struct span local_name;    /* of API_LOCAL_OWNER: "uid 0" */
	struct span authorization; /* "Bearer prm_pat_..." */
	struct span cookie;        /* value of __Host-postroom */
	struct span csrf;          /* X-CSRF-Token */
	bool cross_site;           /* Origin or Sec-Fetch-Site say that another site asks: webui's finding */
	bool same_site_seen;       /* one of them was there and says that ours asks */
	struct span if_match, if_none_match, idempotency_key, last_event_id, user_agent;
	struct span origin;     /* "https://mail.example.org": scheme and Host that were asked, allowed by webui */
	struct span request_id; /* "req_..." */
};

#define API_HEADERS_MAX 12
struct api_header {
	const char *name; /* static */
	struct span value;
};
struct api_stream;
struct api_response {
	int status;
	const char *content_type;                   /* static */
	struct api_header headers[API_HEADERS_MAX]; /* ETag, Location, Link, Allow, Retry-After, Set-Cookie, RateLimit... */
	size_t header_count;
	struct arena arena;        /* of their values; caller inits and clears */
	struct buf body;           /* caller inits and clears */
	struct api_stream *stream; /* null: the body is all. Else 200 text/event-stream, and the stream is the caller's (api/stream.h) */
	const char *operation;     /* static: operationId, for logs and metrics; "" none */
	int64_t delay_ms;          /* not to be sent before this long: somebody guesses */
};

#define API_BODY_MAX (1024u * 1024u)
#define API_UPLOAD_MAX (64u * 1024u * 1024u)
#define API_RESPONSE_MAX API_UPLOAD_MAX /* what was exported can be applied */

/* Once per process, before threads: JSON values that held a password leave nothing behind; reads openapi.json. ERR_CORRUPT: the
 * document and the tables here do not agree (why). */
enum err api_init(struct note *why) MUST_CHECK;
/* The first half of it alone, for who only asks others. */
void api_init_memory(void);

/* Before the body is read. ERR_OK: *body_max_out says how long it may be, *upload_out whether it goes to a file. Else the response is
 * the answer (401, 403, 404, 405, 413 ...) and the body needs no reading. Reads memory and local disk only. */
enum err api_admit(const struct api_context *context, const struct api_request *request, uint64_t body_length, uint64_t *body_max_out, bool *upload_out, struct api_response *response) MUST_CHECK;

enum api_progress { API_ANSWERED,
		    API_PARKED };
/* API_PARKED: a slow question (a password) is asked; request and response stay untouched until resume(resume_arg) was called, from a
 * thread that may not block; then api_continue() is to be called on an api thread. */
struct api_call;
enum api_progress api_dispatch(const struct api_context *context, const struct api_request *request, struct api_response *response, void (*resume)(void *resume_arg), void *resume_arg, struct api_call **parked_out);
enum api_progress api_continue(struct api_call **call);
/* The same for callers that have a thread to wait with (command line, tests). */
void api_run(const struct api_context *context, const struct api_request *request, struct api_response *response);

void api_response_init(struct api_response *r);
void api_response_clear(struct api_response *r);

#endif
