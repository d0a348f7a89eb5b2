/* cli/verbs.h: the table of verbs, from which the parser, help, manual pages and completions are made; internal to cli/. */
#ifndef POSTROOM_CLI_VERBS_H
#define POSTROOM_CLI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

#define VERB_MAX_ARGUMENTS 16

enum argument_kind {
	ARGUMENT_TEXT,
	ARGUMENT_NUMBER,
	ARGUMENT_SIZE, /* bytes: 1048576, 512K, 20M, 2G, 1T, in steps of 1024 */
	ARGUMENT_PORT,
	ARGUMENT_YES_NO,   /* "yes" or "no": a JSON boolean */
	ARGUMENT_FLAG,     /* takes no value: true */
	ARGUMENT_LIST,     /* values with commas between, or given several times; positional: one or more words */
	ARGUMENT_AHEAD,    /* a time to come: 90d, 12h, 2027-01-31, RFC 3339 */
	ARGUMENT_AGO,      /* a time gone by: 24h and the like */
	ARGUMENT_FILE,     /* what the file holds, as text; - is standard input */
	ARGUMENT_PASSWORD, /* --password-stdin, or asked for on a terminal */
};

enum place {
	PLACE_BODY,  /* `field` of the request; a dot leads into an object */
	PLACE_PATH,  /* the next {} of the operation's path */
	PLACE_QUERY, /* parameter `field` */
	PLACE_HAND,  /* what runs the verb looks at it */
};

struct argument {
	const char *name;  /* "ADDRESS" is positional, "--host" an option */
	const char *value; /* of an option: "H"; null for positionals and flags */
	enum argument_kind kind;
	enum place place;
	const char *field; /* null: none */
	bool required;
	const char *choices; /* words allowed, blank between; null: any */
	const char *help;    /* null for what the summary says */
};

enum verb_kind {
	VERB_API,       /* one operation, its answer is shown */
	VERB_API_LOCAL, /* the same; without the daemon the handler runs here, under the data folder's lock */
	VERB_SETUP,     /* always here */
	VERB_LIST,      /* the operation has pages */
	VERB_UPLOAD,    /* a file is the body */
	VERB_DOWNLOAD,  /* what is answered goes to standard output as it is */
	VERB_SETTING,   /* a change that names what it saw: If-Match */
	VERB_APPLY,     /* the same with a plan before it */
	VERB_SEND,      /* a message */
	VERB_STEER,     /* messages of the queue: one, or many */
	VERB_PROBE,     /* would mail go out? */
	VERB_TRACE,     /* what happened to messages */
	VERB_WATCH,     /* events as they come */
	VERB_WAIT,      /* a job to its end */
	VERB_DOCTOR,    /* is all as it should be? Also without the daemon */
	VERB_RAW,       /* any method and path */
	VERB_SERVE,
	VERB_CONFIG_CHECK,
	VERB_VERSION,
	VERB_HELP,
	VERB_MANUAL,
	VERB_COMPLETION,
};

/* Bits of `is`. */
enum { VERB_DESTROYS = 1, /* asks first, or wants --yes */
       VERB_PLANS = 2,    /* the operation itself knows dry_run; else --dry-run shows the request */
       VERB_HAS_JOB = 4,  /* may answer with a job: waited for, but with --no-wait */
       VERB_NEWEST = 8 }; /* a list without an end: 50 rows unless --all or --limit says otherwise */

struct verb {
	const char *noun, *verb; /* verb null: one word */
	const char *operation;   /* operationId, from which method and path are known; null: none */
	const char *summary;
	enum verb_kind kind;
	unsigned is;
	const char *fixed_body; /* JSON, when the verb itself is the argument; else null */
	const char *done;       /* what to say after success instead of the answer; null: the answer */
	const char *columns;    /* of a table, space separated */
	const char *empty;      /* of a table without rows: what to say instead */
	struct argument arguments[VERB_MAX_ARGUMENTS];
};

/* In the order of help; null behind the last. */
const struct verb *verb_at(size_t index);

/* The verb of these two words; `verb` may be null. Null: none. A noun that is a verb itself takes no second word. */
const struct verb *verb_find(const char *noun, const char *verb, bool *took_both_out);
bool verb_is_noun(const char *word);

/* Options that every verb takes. `value` null: a flag. */
struct global {
	const char *name, *value, *help;
	char letter; /* 0: none */
};
extern const struct global globals[];
extern const size_t global_count;

/* The options that not all take: true when this verb takes that one. */
bool verb_takes(const struct verb *v, const struct global *g);

#endif
