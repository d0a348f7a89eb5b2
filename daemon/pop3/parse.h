/* pop3/parse.h: arguments of commands, as bytes say them: no state is known here. */
#ifndef POSTROOM_POP3_PARSE_H
#define POSTROOM_POP3_PARSE_H

#include "daemon/base/span.h"

union pop3_args {
	struct span text; /* USER, PASS, LANG, UTF8 */
	struct {
		bool given;
		uint64_t number; /* UINT64_MAX: larger than any */
	} message;
	struct {
		uint64_t number, lines;
	} top;
	struct {
		struct span mechanism, initial; /* mechanism empty: which are there? */
		bool has_initial;
	} auth;
};

/* ERR_SYNTAX. `rest` is what stands behind the verb and one space. */
enum err pop3_parse_nothing(struct span rest, union pop3_args *out) MUST_CHECK;
enum err pop3_parse_text(struct span rest, union pop3_args *out) MUST_CHECK;     /* all of it, which may be nothing */
enum err pop3_parse_language(struct span rest, union pop3_args *out) MUST_CHECK; /* none, or a range */
enum err pop3_parse_message(struct span rest, union pop3_args *out) MUST_CHECK;  /* a number */
enum err pop3_parse_messages(struct span rest, union pop3_args *out) MUST_CHECK; /* none, or a number */
enum err pop3_parse_top(struct span rest, union pop3_args *out) MUST_CHECK;
enum err pop3_parse_auth(struct span rest, union pop3_args *out) MUST_CHECK;

#endif
