/* cli/completion.h: completions of the shells, made from the tables of verbs; internal to cli/. */
#ifndef POSTROOM_CLI_COMPLETION_H
#define POSTROOM_CLI_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

/* bash, zsh or fish. False: another one. */
bool completion_print(FILE *to, const char *shell);

#endif
