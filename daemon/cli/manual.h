/* cli/manual.h: the manual pages, made from the tables of verbs and of the configuration; internal to cli/. */
#ifndef POSTROOM_CLI_MANUAL_H
#define POSTROOM_CLI_MANUAL_H

#include <stdbool.h>
#include <stdio.h>

/* Source of man(7): "postroom" (null too), "postroom.conf" or "sendmail". False: another one. */
bool manual_print(FILE *to, const char *page);

#endif
