/* cli/help.h: help and manual, made from the table of verbs; internal to cli/. */
#ifndef POSTROOM_CLI_HELP_H
#define POSTROOM_CLI_HELP_H

#include <stdio.h>

#include "daemon/cli/verbs.h"

void help_verb(FILE *to, const struct verb *v);
/* All verbs of a noun; null: all there are. */
void help_noun(FILE *to, const char *noun);
bool help_knows(const char *noun);
/* The manual page's source, man(7). */
void help_manual(FILE *to);

#endif
