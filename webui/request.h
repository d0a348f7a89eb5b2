/* webui/request.h: one request as the library read it, made into what the API knows: who asks, from where, under which name; internal to webui/. */
#ifndef POSTROOM_WEBUI_REQUEST_H
#define POSTROOM_WEBUI_REQUEST_H

#include "api/api.h"
#include "webui/entrance.h"
#include "webui/host.h"
#include "webui/request_id.h"

struct MHD_Connection;

#define REQUEST_ARENA_MAX (64u * 1024u)

enum request_fault {
	REQUEST_FINE,
	REQUEST_MISDIRECTED, /* 421: not a name of ours */
	REQUEST_CODED,       /* 415: a Content-Encoding */
};

struct request {
	struct arena arena;
	struct entrance entrance;
	struct request_id id;
	struct span method; /* as it was asked: the API knows HEAD as GET */
	struct span target; /* raw: path and query */
	struct host host;
	struct span accept_encoding;
	bool has_body;
	uint64_t content_length; /* 0: none, or not known (chunked) */
	bool secure;             /* https, as the client sees it */
	bool knows_gzip;         /* an entity tag of a gzip form was among those it named */
	uint64_t caller_key;     /* the same for requests of the same token, session or address */
	struct api_request api;  /* all but the body */
	enum request_fault fault;
};

struct request_rules {
	const struct api_context *api; /* null: not set up: every name is fine */
	const struct net_cidr *proxies;
	size_t proxy_count;
	uint64_t seed;
};

enum err request_init(struct request *r, const char *target) MUST_CHECK;
/* On the library's thread, with the head read. Values point into the library's memory of this request, and into the arena. */
void request_read(struct request *r, struct MHD_Connection *c, const char *method, const struct request_rules *rules);
void request_clear(struct request *r);
bool request_is_read(const struct request *r);       /* GET or HEAD */
const char *request_caller(const struct request *r); /* "local", "token", "session", "nobody": what was shown, not whether it is good */

#endif
