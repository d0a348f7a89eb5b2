/* ops/process.h: what a daemon asks of its process before it has any thread. */
#ifndef POSTROOM_OPS_PROCESS_H
#define POSTROOM_OPS_PROCESS_H

#include <signal.h>

#include "daemon/base/err.h"

/* Signals that end or reload it are blocked and stand in `signals`, to be waited for; those that a write raises are ignored; as many open files as the system
 * allows. POSTROOM_BUG=abort in the environment: a broken invariant ends the process. */
void process_prepare(sigset_t *signals);
/* Of sysexits.h: what kept the ground from being opened. */
int process_exit_status(enum err e);

#endif
