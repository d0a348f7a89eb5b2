/* cli/tracing.h: what happened to messages; internal to cli/. */
#ifndef POSTROOM_CLI_TRACING_H
#define POSTROOM_CLI_TRACING_H

#include "daemon/cli/arguments.h"

/* postroom trace [WHAT] [-f] */
int run_trace(struct arguments *a);

#endif
