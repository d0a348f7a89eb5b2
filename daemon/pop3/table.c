/* pop3/table.c: the law table of RFC 1939 and the extensions that are served. */
#include "daemon/pop3/table.h"

#include "daemon/pop3/commands.h"

#define AT_START POP3_START
#define AT_TRANSACTION POP3_TRANSACTION
#define AT_ANY (POP3_START | POP3_TRANSACTION)

/* pop3_session_feed() enforces the law, so a runner starts where the RFC's "if accepted" begins.
 * NEED_PRIVACY: as in IMAP, a password passes without TLS only from a loopback address of this machine, where no wire can be listened to.
 * APOP is not there: it would need every password in the clear here, and proves it with MD5 (RFC 6151); SCRAM does what it was for.
 * UTF8 is of AUTHORIZATION (RFC 6856 2.1), NOOP of TRANSACTION (RFC 1939 5). */
static const struct pop3_command commands[] = {
	{ SPAN("RETR"), AT_TRANSACTION, 0, pop3_parse_message, pop3_run_retr },
	{ SPAN("DELE"), AT_TRANSACTION, 0, pop3_parse_message, pop3_run_dele },
	{ SPAN("TOP"), AT_TRANSACTION, 0, pop3_parse_top, pop3_run_top },
	{ SPAN("UIDL"), AT_TRANSACTION, 0, pop3_parse_messages, pop3_run_uidl },
	{ SPAN("LIST"), AT_TRANSACTION, 0, pop3_parse_messages, pop3_run_list },
	{ SPAN("STAT"), AT_TRANSACTION, 0, pop3_parse_nothing, pop3_run_stat },
	{ SPAN("NOOP"), AT_TRANSACTION, 0, pop3_parse_nothing, pop3_run_noop },
	{ SPAN("RSET"), AT_TRANSACTION, 0, pop3_parse_nothing, pop3_run_rset },
	{ SPAN("QUIT"), AT_ANY, 0, pop3_parse_nothing, pop3_run_quit },
	{ SPAN("CAPA"), AT_ANY, 0, pop3_parse_nothing, pop3_run_capa },
	{ SPAN("LANG"), AT_ANY, 0, pop3_parse_language, pop3_run_lang },
	{ SPAN("UTF8"), AT_START, 0, pop3_parse_nothing, pop3_run_utf8 },
	{ SPAN("STLS"), AT_START, 0, pop3_parse_nothing, pop3_run_stls },
	{ SPAN("USER"), AT_START, NEED_PRIVACY, pop3_parse_text, pop3_run_user },
	{ SPAN("PASS"), AT_START, NEED_PRIVACY, pop3_parse_text, pop3_run_pass },
	{ SPAN("AUTH"), AT_START, 0, pop3_parse_auth, pop3_run_auth },
};

const struct pop3_command *pop3_command_find(struct span line, struct span *rest_out)
{
	struct span verb = line;
	size_t at;

	if (span_find_char(line, ' ', &at))
		verb.len = at;
	*rest_out = span_skip(line, verb.len + 1);
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		if (span_iequals(verb, commands[i].verb))
			return &commands[i];
	return NULL;
}
