/* smtp/parse.h: the arguments of commands, from bytes to values. No state is known here.
 *
 * `rest` is what follows the verb and one space, without trailing blanks, NUL, CR and LF. Results point into it or into the
 * command's arena. ERR_SYNTAX: the command's own syntax reply. ERR_STATE: a bad parameter (501 5.5.4). ERR_DENIED: a
 * parameter of no extension of ours (555). ERR_LIMIT: SIZE beyond any message (552).
 */
#ifndef POSTROOM_SMTP_PARSE_H
#define POSTROOM_SMTP_PARSE_H

#include "daemon/mime/address.h"
#include "daemon/queue/queue.h"

struct smtp_mail {
	struct address path;
	bool has_8bit; /* the path: lawful with SMTPUTF8 only */
	uint64_t size; /* 0: not given */
	bool utf8, body_8bit, body_binary, require_tls;
	enum dsn_return ret;
	struct span envid;     /* xtext */
	bool of_submission;    /* a parameter that is offered there only: one of those below */
	int64_t hold_for_s;    /* 0: not given */
	int64_t hold_until_ms; /* unix; 0: not given */
	bool has_priority;
	int priority;
	int64_t by_s;
	unsigned by; /* BY_; 0: not given */
};

struct smtp_rcpt {
	struct address path;
	bool has_8bit; /* path or ORCPT: lawful in an SMTPUTF8 transaction only */
	unsigned notify;
	struct span orcpt;
};

union smtp_args {
	struct span text; /* EHLO, HELO, LHLO: the domain; NOOP, HELP: the rest */
	struct smtp_mail mail;
	struct smtp_rcpt rcpt;
	struct {
		struct span text;
		bool utf8;
	} vrfy;
	struct {
		uint64_t size;
		bool last;
	} bdat;
	struct {
		struct span mechanism;
		struct span initial; /* base64, or "=" for an empty one */
		bool has_initial;
	} auth;
};

enum err smtp_parse_nothing(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_text(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_vrfy(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_domain(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_mail(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_rcpt(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_bdat(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;
enum err smtp_parse_auth(struct span rest, struct arena *cmd, union smtp_args *out) MUST_CHECK;

#endif
