/* smtp/table.c: see table.h. smtp_session_feed() enforces it, so a runner starts where the RFC's "if accepted" begins. */
#include "daemon/smtp/table.h"

#include "daemon/smtp/commands.h"

#define VERB(literal)                        \
	{                                    \
		literal, sizeof(literal) - 1 \
	}

static const struct smtp_command commands[] = {
	/* verb, legal at, needs, refused syntax, parse, run */
	{ VERB("RCPT"), AT_MAIL | AT_RCPT, NEED_TLS | NEED_AUTH, REPLY_BAD_RECIPIENT, smtp_parse_rcpt, smtp_run_rcpt },
	{ VERB("MAIL"), AT_READY, NEED_TLS | NEED_AUTH, REPLY_BAD_SENDER, smtp_parse_mail, smtp_run_mail },
	{ VERB("DATA"), AT_MAIL | AT_RCPT, NEED_TLS | NEED_AUTH, REPLY_BAD_ARGUMENT, smtp_parse_nothing, smtp_run_data },
	{ VERB("BDAT"), AT_MAIL | AT_RCPT | AT_BDAT, NEED_TLS | NEED_AUTH | OCTETS_FOLLOW, REPLY_BAD_ARGUMENT, smtp_parse_bdat, smtp_run_bdat },
	{ VERB("RSET"), AT_ANY, 0, REPLY_BAD_ARGUMENT, smtp_parse_nothing, smtp_run_rset },
	{ VERB("EHLO"), AT_ANY, NEVER_LMTP, REPLY_BAD_ARGUMENT, smtp_parse_domain, smtp_run_ehlo },
	{ VERB("LHLO"), AT_ANY, ONLY_LMTP, REPLY_BAD_ARGUMENT, smtp_parse_domain, smtp_run_ehlo },
	{ VERB("HELO"), AT_ANY, NEVER_LMTP, REPLY_BAD_ARGUMENT, smtp_parse_domain, smtp_run_helo },
	{ VERB("STARTTLS"), AT_READY, 0, REPLY_BAD_ARGUMENT, smtp_parse_nothing, smtp_run_starttls },
	{ VERB("AUTH"), AT_READY, NEED_TLS | ONLY_SUBMISSION, REPLY_BAD_ARGUMENT, smtp_parse_auth, smtp_run_auth },
	{ VERB("NOOP"), AT_ANY, 0, REPLY_BAD_ARGUMENT, smtp_parse_text, smtp_run_noop },
	{ VERB("QUIT"), AT_ANY, 0, REPLY_BAD_ARGUMENT, smtp_parse_nothing, smtp_run_quit },
	{ VERB("VRFY"), AT_ANY, NEED_TLS | NEED_AUTH, REPLY_BAD_ARGUMENT, smtp_parse_vrfy, smtp_run_vrfy },
	{ VERB("HELP"), AT_ANY, 0, REPLY_BAD_ARGUMENT, smtp_parse_text, smtp_run_help },
	{ VERB("EXPN"), AT_ANY, 0, REPLY_NOT_IMPLEMENTED, smtp_parse_text, smtp_run_not_implemented },
	{ VERB("ETRN"), AT_ANY, 0, REPLY_NOT_IMPLEMENTED, smtp_parse_text, smtp_run_not_implemented },
};

const struct smtp_command *smtp_command_find(struct span line, struct span *rest_out)
{
	struct span verb = line;
	size_t at;

	if (span_find_char(line, ' ', &at))
		verb.len = at;
	*rest_out = span_skip(line, verb.len + 1);
	while (rest_out->len > 0 && (rest_out->ptr[rest_out->len - 1] == ' ' || rest_out->ptr[rest_out->len - 1] == '\t'))
		rest_out->len--;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (span_iequals(verb, commands[i].verb))
			return &commands[i];
	}
	return NULL;
}
