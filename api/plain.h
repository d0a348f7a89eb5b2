/* api/plain.h: what the web server says on its own account, before the API is asked or without it, in the API's form: problems (RFC 9457)
 * and health. Any thread; memory only.
 */
#ifndef POSTROOM_API_PLAIN_H
#define POSTROOM_API_PLAIN_H

#include "daemon/base/buf.h"

struct api_problem {
	int status;
	const char *code; /* its title stands in openapi.json */
	const char *detail;
	struct span origin;     /* "https://mail.example.org"; empty: not known */
	struct span instance;   /* the path; empty: not known */
	struct span request_id; /* empty: none */
};
void api_problem_write(const struct api_problem *p, struct buf *out);

/* /healthz: `services` null: not set up. */
void api_health_write(const char *services, struct buf *out);
/* /readyz. */
void api_ready_write(bool ready, struct buf *out);

#endif
