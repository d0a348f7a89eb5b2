/* cli/steering.h: verbs that do something to messages of the queue; internal to cli/. */
#ifndef POSTROOM_CLI_STEERING_H
#define POSTROOM_CLI_STEERING_H

#include "daemon/cli/arguments.h"

/* The exit status. One id asks the verb's own operation, everything else queue_bulk. */
int run_steer(struct arguments *a);

#endif
