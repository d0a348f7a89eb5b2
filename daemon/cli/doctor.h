/* cli/doctor.h: is this installation sane? internal to cli/. */
#ifndef POSTROOM_CLI_DOCTOR_H
#define POSTROOM_CLI_DOCTOR_H

#include "daemon/cli/arguments.h"

/* 0: nothing is wrong; 1: something is, or was and is repaired; else it could not be found out. */
int run_doctor(struct arguments *a);

#endif
