/* cli/print.h: single answers of the API in the form that was asked for; internal to cli/. */
#ifndef POSTROOM_CLI_PRINT_H
#define POSTROOM_CLI_PRINT_H

#include "daemon/cli/arguments.h"

struct json_t;

/* A success (status 2xx) to standard output. False when the body is not what the API gives. */
bool print_answer(const struct arguments *a, struct span body);
/* A value that we made or have parsed already. */
void print_value(const struct arguments *a, struct json_t *value);
/* What a dry run says: who or what would change how. */
void print_plan(struct json_t *changes);

#endif
