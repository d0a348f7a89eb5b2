/* cli/probe.h: relay probe: a delivery step by step, as a person would want to read it; internal to cli/. */
#ifndef POSTROOM_CLI_PROBE_H
#define POSTROOM_CLI_PROBE_H

#include "daemon/cli/arguments.h"

/* The exit status: EX_UNAVAILABLE when mail would not go out. */
int run_probe(struct arguments *a);

#endif
