/* cli/print.h: answers of the API for people: tables, name and value lines, problems; internal to cli/. */
#ifndef POSTROOM_CLI_PRINT_H
#define POSTROOM_CLI_PRINT_H

#include "daemon/base/span.h"
#include "daemon/cli/verbs.h"

/* A success (status 2xx) to standard output: as JSON, or by the verb's columns. False when the body is not what the API gives. */
bool print_answer(const struct verb *v, bool as_json, struct span body);

/* problem+json to standard error: "postroom: what, and which field". */
void print_problem(int status, struct span body);

#endif
