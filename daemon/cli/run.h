/* cli/run.h: verbs that are one operation of the API, or several of its pages; internal to cli/. */
#ifndef POSTROOM_CLI_RUN_H
#define POSTROOM_CLI_RUN_H

#include "daemon/cli/ask.h"

/* Each returns the exit status (sysexits.h) and says on standard error what went wrong. */
int run_api(struct arguments *a);
int run_list(struct arguments *a);
int run_upload(struct arguments *a);
int run_download(struct arguments *a);

/* What other runners share. */
/* The body as text; secret. */
void run_body(const struct arguments *a, struct buf *out);
/* A success is printed, a job followed to its end, but with --no-wait; anything else said. */
int run_show(const struct arguments *a, const struct target *t, const struct answer *answer);
/* --dry-run of an operation that has none of its own: what would be asked. */
int run_show_request(const struct arguments *a, const char *method, struct span path);
/* target_find() with its words on standard error; the exit status, EX_OK is good. */
int run_find_target(const struct arguments *a, struct target *out);
int run_usage(const struct arguments *a, const struct note *why);

#endif
