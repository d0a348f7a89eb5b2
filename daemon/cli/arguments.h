/* cli/arguments.h: the words behind a verb, read by its row of the table; internal to cli/. */
#ifndef POSTROOM_CLI_ARGUMENTS_H
#define POSTROOM_CLI_ARGUMENTS_H

#include "daemon/base/arena.h"
#include "daemon/cli/verbs.h"

struct json_t;

enum output_form { OUTPUT_TABLE,
		   OUTPUT_JSON };

struct arguments {
	struct arena arena;
	const char *config_path;
	enum output_form form;
	bool help;
	struct span path;    /* the verb's path with its argument, percent-encoded */
	struct json_t *body; /* object, or null where the verb has none */
};

/* ERR_SYNTAX: `why` says which word. Reads the password from standard input where the verb takes one. */
enum err arguments_read(const struct verb *v, int argc, char **argv, struct arguments *out, struct note *why) MUST_CHECK;
void arguments_clear(struct arguments *a);

#endif
