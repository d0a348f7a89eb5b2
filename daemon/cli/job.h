/* cli/job.h: long work: following it, and its result; internal to cli/. */
#ifndef POSTROOM_CLI_JOB_H
#define POSTROOM_CLI_JOB_H

#include "daemon/cli/ask.h"

/* A job as the API answered it: followed to its end, or shown with --no-wait. The exit status. */
int job_show(const struct arguments *a, const struct target *t, struct span body);
/* postroom job wait ID */
int run_wait(struct arguments *a);

#endif
