/* cli/apply.h: the configuration as a document; internal to cli/. */
#ifndef POSTROOM_CLI_APPLY_H
#define POSTROOM_CLI_APPLY_H

#include "daemon/cli/arguments.h"

/* postroom apply -f FILE [--dry-run] [--yes] */
int run_apply(struct arguments *a);

#endif
