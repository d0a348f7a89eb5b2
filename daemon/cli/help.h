/* cli/help.h: the table of verbs as help and as a manual page; internal to cli/. */
#ifndef POSTROOM_CLI_HELP_H
#define POSTROOM_CLI_HELP_H

#include <stdio.h>

#include "daemon/cli/verbs.h"

/* `v` null: all verbs, a line each. */
void help_print(FILE *to, const struct verb *v);
/* postroom(8), for man(7). */
void help_manual(FILE *to);

#endif
