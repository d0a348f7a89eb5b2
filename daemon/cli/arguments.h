/* cli/arguments.h: the words of a command, read by the row of their verb; internal to cli/. */
#ifndef POSTROOM_CLI_ARGUMENTS_H
#define POSTROOM_CLI_ARGUMENTS_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"
#include "daemon/cli/verbs.h"

struct json_t;

enum output_form { OUTPUT_TABLE,
		   OUTPUT_JSON,
		   OUTPUT_NDJSON,
		   OUTPUT_CSV };

#define ARGUMENTS_MAX_WORDS 4096
#define ARGUMENTS_MAX_HOLES 2

struct arguments {
	struct arena arena;
	const struct verb *verb; /* null: not found */
	const char *noun, *word; /* as they were said; null: not */
	const char *config_path, *url, *token, *ca_file, *columns;
	enum output_form form;
	bool help, version, dry_run, yes, wait, no_wait, all;
	uint64_t limit;                         /* 0: not said */
	struct span holes[ARGUMENTS_MAX_HOLES]; /* what stands in the path, as it was said */
	size_t hole_count;
	struct buf query;    /* "a=1&b=2", escaped */
	struct json_t *body; /* object; null where nothing goes there */
	struct given {       /* what was said of the verb's own, in order */
		const struct argument *argument;
		const char *value; /* of a flag null */
	} * given;
	size_t given_count;
	int word_count;
	char **words;     /* what is behind noun and verb, with the global options */
	bool stdin_taken; /* something was read from there */
};

/* Finds the verb: noun and verb, with global options anywhere. Nothing else is judged. ERR_SYNTAX: an option before them that is none. */
enum err arguments_find(int argc, char **argv, struct arguments *out, struct note *why) MUST_CHECK;
/* Reads the rest of the words. ERR_SYNTAX: `why` says which word. Reads files and the password from standard input where the verb takes them. */
enum err arguments_read(struct arguments *a, struct note *why) MUST_CHECK;
void arguments_clear(struct arguments *a);

/* The value that was given for it first; null: none. */
const char *arguments_value(const struct arguments *a, const char *name);
/* The next from *at on (begin with 0); null: no more. */
const char *arguments_next(const struct arguments *a, const char *name, size_t *at);
bool arguments_flag(const struct arguments *a, const char *name);
/* Adds one parameter to the query. */
void arguments_add_query(struct arguments *a, const char *name, struct span value);

#endif
