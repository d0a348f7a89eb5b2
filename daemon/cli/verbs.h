/* cli/verbs.h: the table of verbs, from which the parser, the help and the manual page are made; internal to cli/. */
#ifndef POSTROOM_CLI_VERBS_H
#define POSTROOM_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#define VERB_MAX_ARGUMENTS 8

enum argument_kind {
	ARGUMENT_STRING,
	ARGUMENT_PORT,
	ARGUMENT_REST,     /* positional: one or more, a list */
	ARGUMENT_PASSWORD, /* --password-stdin, or asked for on a terminal */
};

struct argument {
	const char *name;  /* "ADDRESS" is positional, "--host" an option */
	const char *value; /* of an option: "H"; null for positionals and flags */
	enum argument_kind kind;
	bool required;
	const char *field; /* of the request's body; null: it stands in the path */
};

enum verb_kind {
	VERB_API,       /* needs the daemon */
	VERB_API_LOCAL, /* without the daemon the same handler runs here, under the data folder's lock */
	VERB_SETUP,     /* always here */
	VERB_SERVE,
	VERB_CONFIG_CHECK,
	VERB_VERSION,
	VERB_MANUAL, /* the manual page: for the package */
};

struct verb {
	const char *noun, *verb; /* verb null: one word */
	const char *summary;
	enum verb_kind kind;
	const char *method, *path; /* {} is the path argument */
	const char *fixed_body;    /* JSON, when the verb itself is the argument; else null */
	const char *done;          /* what to say after success without content; null: nothing */
	const char *columns;       /* of a table, space separated; null: name and value lines */
	struct argument arguments[VERB_MAX_ARGUMENTS];
};

extern const struct verb verbs[];
extern const size_t verb_count;

/* The verb that the words name; null: none. *words_out: how many words it took. */
const struct verb *verb_find(int argc, char **argv, int *words_out);

#endif
