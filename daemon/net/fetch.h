/* net/fetch.h: requests to other people's HTTP servers (libcurl), all on one thread; none waits for another.
 *
 * A deadline for the whole, a ceiling for the answer, no redirects, no proxy, only the schemes that were allowed. The filter sees the address that
 * is really connected to, after the name was resolved: a name that changes its mind leads nowhere else.
 */
#ifndef POSTROOM_NET_FETCH_H
#define POSTROOM_NET_FETCH_H

#include "daemon/base/buf.h"
#include "daemon/net/addr.h"

#define FETCH_HEADERS_MAX 8

/* Once per process, before threads. */
enum err fetch_init(void) MUST_CHECK;

struct fetch_request {
	struct span url;
	bool may_http; /* else https only */
	bool post;     /* with `body`; else GET */
	struct span body, content_type;
	struct span headers[FETCH_HEADERS_MAX]; /* "name: value" */
	size_t header_count;
	int64_t timeout_ms;
	size_t answer_max;                                           /* bytes of the body that are kept; the rest is not read */
	const char *ca_file;                                         /* null: the system's; borrowed until done() */
	bool (*may_connect)(void *arg, const struct net_addr *addr); /* null: everywhere. On the fetcher's thread */
	void *arg;
};
struct fetch_result {
	enum err err;   /* ERR_OK: there was an answer, whatever its status; ERR_DENIED: the filter refused; ERR_STATE: the fetcher ends; ERR_TEMP */
	bool untrusted; /* there was none because the server's certificate is not good, or for another name */
	int status;
	struct span body, content_type; /* live during the call */
	struct note why;                /* when there was none */
};

struct fetcher;
enum err fetcher_new(struct fetcher **out) MUST_CHECK;
/* Cancels what runs: done() is called with ERR_STATE. */
void fetcher_free(struct fetcher **f);

/* Copies the request. done() is called once, on the fetcher's thread; it must not block. ERR_SYNTAX: not a URL, or not of an allowed scheme. */
enum err fetch_begin(struct fetcher *f, const struct fetch_request *request, void (*done)(void *arg, const struct fetch_result *result), void *done_arg, struct note *why) MUST_CHECK;

/* A URL that fetch_begin() would take. *host_out: its host, "" when it is a name; else the address. */
enum err fetch_check_url(struct span url, bool may_http, struct net_addr *host_out, struct note *why) MUST_CHECK;

#endif
