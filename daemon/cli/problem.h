/* cli/problem.h: what went wrong, and what to do next; internal to cli/. */
#ifndef POSTROOM_CLI_PROBLEM_H
#define POSTROOM_CLI_PROBLEM_H

#include "daemon/cli/ask.h"

/* problem+json (RFC 9457) to standard error: the words, each field at fault by its option, code and request id, the next command. */
void problem_print(const struct arguments *a, const struct answer *answer);
/* That the daemon could not be asked. */
void problem_print_unreached(const struct arguments *a, enum err e, const struct note *why);

#endif
