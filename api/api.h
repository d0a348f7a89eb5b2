/* api/api.h: the REST resources. api_dispatch() knows no HTTP server: a request and a response as values.
 *
 * JSON in and out (RFC 8259), problem+json (RFC 9457) for errors. May block (disk, hashing): never called on a pool thread.
 */
#ifndef POSTROOM_API_API_H
#define POSTROOM_API_API_H

#include "daemon/base/buf.h"

struct auth;
struct directory;
struct queue;
struct store;

/* What the resources stand on. With the daemon down (setup, user passwd) all but `directory` are null. */
struct api_context {
	struct directory *directory;
	struct auth *auth;
	struct queue *queue;
	struct store *store;
	int64_t started_ms;                                   /* unix */
	const char *services;                                 /* what listens, for /healthz: "mx submission imap" */
	void (*end_sessions)(void *arg, uint64_t account_id); /* upward: main fills it in; may be null */
	void *arg;
};

enum api_caller { API_NOBODY,
		  API_LOCAL_OWNER /* unix socket: root or the service's user; or the command line under the data-folder lock */ };

struct api_request {
	struct span method, path, query; /* path without the query, percent-encoding still on */
	struct span content_type, body;
	enum api_caller caller;
};
struct api_response {
	int status;
	const char *content_type; /* static */
	char allow[48];           /* with 405: the methods that the resource takes; else empty */
	struct buf body;          /* caller inits and clears */
};

#define API_BODY_MAX (1024u * 1024u)
#define API_RESPONSE_MAX (16u * 1024u * 1024u)

/* Once per process, before threads: JSON values that held a password leave nothing behind. */
void api_init(void);
void api_dispatch(const struct api_context *context, const struct api_request *request, struct api_response *response);

#endif
