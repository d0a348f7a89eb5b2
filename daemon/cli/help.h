/* cli/help.h: help, made from the tables of verbs; internal to cli/. */
#ifndef POSTROOM_CLI_HELP_H
#define POSTROOM_CLI_HELP_H

#include <stdio.h>

#include "daemon/cli/verbs.h"

void help_verb(FILE *to, const struct verb *v);

/* One line of it, and where the rest is: behind an error, which stays in sight. */
void help_short(FILE *to, const struct verb *v);
/* The nouns, a line each. */
void help_nouns(FILE *to);
/* The verbs of a noun. */
void help_noun(FILE *to, const char *noun);

/* A password can be left out on a terminal, where it is asked for. */
bool help_may_leave_out(const struct argument *g);
/* What an argument is for, in words. */
const char *help_of(const struct argument *g);

#endif
