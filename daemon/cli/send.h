/* cli/send.h: sending a message over the API; internal to cli/. */
#ifndef POSTROOM_CLI_SEND_H
#define POSTROOM_CLI_SEND_H

#include "daemon/cli/arguments.h"

int run_send(struct arguments *a);

#endif
