/* cli/ask.h: one operation of the API: request, answer, and what came of it; internal to cli/. */
#ifndef POSTROOM_CLI_ASK_H
#define POSTROOM_CLI_ASK_H

#include "daemon/cli/http.h"

struct answer {
	struct http_head head;
	struct buf body;
};

/* The path of an operation with its holes filled, and the query. ERR_SYNTAX: no such operation, or not as many holes. */
enum err ask_path(const char *operation, const struct span *holes, size_t count, struct span query, const char **method_out, struct buf *out) MUST_CHECK;

/* Asks; the body is read whole. Errors are those of http_open(); ERR_OK is any status. `out` is to be cleared in every case. */
enum err ask(const struct target *t, const struct http_request *request, struct answer *out, struct note *why) MUST_CHECK;
/* ask() by operation, without a body unless there is one (JSON). */
enum err ask_operation(const struct target *t, const char *operation, const struct span *holes, size_t count, struct span query, struct span body, struct answer *out, struct note *why) MUST_CHECK;
void answer_clear(struct answer *a);

/* Exit statuses (sysexits.h). */
int ask_exit_of_err(enum err e);
int ask_exit_of_status(int status);

#endif
