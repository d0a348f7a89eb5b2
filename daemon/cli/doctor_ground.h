/* cli/doctor_ground.h: what a running installation stands on, looked at from outside of the daemon; internal to cli/. */
#ifndef POSTROOM_CLI_DOCTOR_GROUND_H
#define POSTROOM_CLI_DOCTOR_GROUND_H

#include "daemon/cli/doctor_rows.h"
#include "daemon/cli/target.h"

/* Data folder, databases, disk, clock; and, when the daemon runs, its ports. */
void doctor_ground(struct doctor_rows *rows, const struct config *c, bool daemon_runs);

#endif
