/* cli/sendmail_options.h: the words of sendmail(1), as programs have given them to it for forty years; internal to cli/. */
#ifndef POSTROOM_CLI_SENDMAIL_OPTIONS_H
#define POSTROOM_CLI_SENDMAIL_OPTIONS_H

#include "daemon/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum sendmail_mode {
	SENDMAIL_SEND,    /* -bm: a message on standard input */
	SENDMAIL_SMTP,    /* -bs: SMTP on standard input and output */
	SENDMAIL_LIST,    /* -bp, mailq */
	SENDMAIL_ALIASES, /* -bi, -I, newaliases */
	SENDMAIL_FLUSH,   /* -q */
	SENDMAIL_DAEMON,  /* -bd, -bD */
	SENDMAIL_UNKNOWN, /* another -b */
};

struct sendmail_options {
	enum sendmail_mode mode;
	char unknown_mode;
	bool from_header;   /* -t: recipients are in the message too */
	bool ignore_dots;   /* -i, -oi */
	const char *sender; /* -f, -r; null: by the login */
	const char *name;   /* -F */
	const char *config; /* -C */
	char **recipients;
	size_t recipient_count;
};

/* ERR_SYNTAX: `why` says which option is none. */
enum err sendmail_options_read(int argc, char **argv, struct sendmail_options *out, struct note *why) MUST_CHECK;

#endif
