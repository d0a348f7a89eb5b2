/* cli/http.h: one request of HTTP/1.1 over a stream, and its answer piece by piece; internal to cli/. */
#ifndef POSTROOM_CLI_HTTP_H
#define POSTROOM_CLI_HTTP_H

#include "daemon/cli/target.h"

struct http_request {
	const char *method;
	struct span path;         /* with the query */
	const char *content_type; /* null without a body */
	const char *accept;       /* null: application/json */
	const char *if_match;     /* null: none */
	const char *idempotency_key;
	uint64_t last_event_id; /* 0: none */
	struct span body;
};

#define HTTP_VALUE_MAX 128
struct http_head {
	int status;
	char content_type[HTTP_VALUE_MAX], etag[HTTP_VALUE_MAX], retry_after[HTTP_VALUE_MAX];
};

struct http;

/* As target_connect(); ERR_TEMP too when the answer is not HTTP. */
enum err http_open(const struct target *t, const struct http_request *request, struct http **out, struct http_head *head, struct note *why) MUST_CHECK;
/* The next bytes of the body, at most `size`. ERR_STATE: it is over, whole. ERR_TEMP: cut off, or nothing came in time. */
enum err http_read(struct http *h, char *to, size_t size, size_t *count_out, int64_t timeout_ms, struct note *why) MUST_CHECK;
/* All of it. ERR_LIMIT past the buffer's ceiling. */
enum err http_read_all(struct http *h, struct buf *out, struct note *why) MUST_CHECK;
void http_close(struct http **h);

#endif
