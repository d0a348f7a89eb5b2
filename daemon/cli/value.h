/* cli/value.h: a word of the command line to its place in path, query or body; internal to cli/. */
#ifndef POSTROOM_CLI_VALUE_H
#define POSTROOM_CLI_VALUE_H

#include "daemon/cli/arguments.h"

/* `word` is null for a flag. ERR_SYNTAX: `why` says what is wrong with it; ERR_LIMIT: too much. */
enum err value_put(struct arguments *a, const struct argument *g, const char *word, struct note *why) MUST_CHECK;
/* Percent-encoded (RFC 3986): all but the unreserved is escaped, and what a natural key is made of. */
void value_escape(struct buf *out, struct span text);

#endif
