/* webui/answer.h: the one place where answers of the library are made; internal to webui/. */
#ifndef POSTROOM_WEBUI_ANSWER_H
#define POSTROOM_WEBUI_ANSWER_H

#include "webui/request.h"

struct MHD_Connection;
struct MHD_Response;

/* Bytes and values live until the exchange ends. */
struct answer {
	int status;
	const char *content_type; /* null: no content */
	struct span body;
	bool gzip;                           /* the body is that already */
	bool varies;                         /* another client would get it gzipped, or not */
	const char *cache_control;           /* null: no-store */
	const char *etag, *location, *allow; /* each may be null */
	const struct api_response *response; /* its headers come too; null: none */
};

/* RFC 9457. */
void answer_problem(struct answer *a, struct request *r, int status, const char *code, const char *detail);
/* True: the library has taken it. `stream` (may be null) takes the place of the body; the caller gives it up. */
bool answer_queue(struct MHD_Connection *c, struct request *r, const struct answer *a, struct MHD_Response *stream);

#endif
