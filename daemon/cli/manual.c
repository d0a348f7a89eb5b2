/* cli/manual.c: postroom(8), postroom.conf(5), sendmail(1). */
#include "daemon/cli/manual.h"

#include <string.h>

#include "daemon/base/version.h"
#include "daemon/cli/help.h"
#include "daemon/ops/config.h"

/* Hyphens of options are minus signs in man(7); a line must not begin with a dot or a quote. */
static void print_escaped(FILE *to, const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", to);
	for (; *text; text++) {
		if (*text == '-')
			fputc('\\', to);
		if (*text == '\\')
			fputs("\\e", to);
		else
			fputc(*text, to);
	}
}

static void print_option(FILE *to, const char *name, const char *value, const char *help, const char *choices)
{
	fputs(".TP\n.B ", to);
	print_escaped(to, name);
	if (value)
		fprintf(to, " \\fI%s\\fR", value);
	fputc('\n', to);
	print_escaped(to, help);
	if (choices)
		fprintf(to, "%sOne of: %s.", *help ? ". " : "", choices);
	fputs("\n", to);
}

/* All of it is one line, the tag of the paragraph. */
static void print_synopsis(FILE *to, const struct verb *v)
{
	fprintf(to, ".TP\n\\fB%s%s%s\\fR", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];

		fputs(help_may_leave_out(g) ? " [" : " ", to);
		print_escaped(to, g->name);
		if (g->value)
			fprintf(to, "\\ \\fI%s\\fR", g->value);
		fputs(g->kind == ARGUMENT_LIST && g->name[0] != '-' ? "\\ ..." : "", to);
		fputs(help_may_leave_out(g) ? "]" : "", to);
	}
	fputc('\n', to);
}

static void print_argument(FILE *to, const struct argument *g)
{
	fputs(".br\n", to);
	print_escaped(to, g->name);
	fputs(": ", to);
	print_escaped(to, g->help ? g->help : "one of ");
	if (g->choices)
		fprintf(to, "%s%s", g->help ? ": " : "", g->choices);
	fputs(".\n", to);
}

static void print_verb(FILE *to, const struct verb *v)
{
	print_synopsis(to, v);
	print_escaped(to, v->summary);
	fputs(".\n", to);
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		if (v->arguments[i].help || v->arguments[i].choices)
			print_argument(to, &v->arguments[i]);
	if (v->operation)
		fprintf(to, ".br\nOperation of the API: %s.\n", v->operation);
}

static void print_postroom(FILE *to)
{
	const struct verb *v;

	fprintf(to, ".TH POSTROOM 8 \"\" \"Postroom %s\" \"System administration\"\n", POSTROOM_VERSION);
	fputs(".SH NAME\npostroom \\- mail server with its administration\n"
	      ".SH SYNOPSIS\n.B postroom\n.I noun\n.RI [ verb ]\n.RI [ arguments ]\n.RI [ options ]\n"
	      ".SH DESCRIPTION\nOne daemon receives, sends, stores and serves the mail of a small organisation.\n"
	      ".B postroom serve\nruns it; the other nouns speak to it over the unix socket in its run_dir, or with\n.B \\-\\-url\nover https. "
	      "Each verb is one operation of its API; the API's own pages are at /api/docs of the panel.\n"
	      ".SH OPTIONS\nThese may stand anywhere, also in front of the noun.\n",
	      to);
	for (size_t i = 0; i < global_count; i++) {
		char name[64];

		snprintf(name, sizeof name, "-%c, %s", globals[i].letter, globals[i].name);
		print_option(to, globals[i].letter ? name : globals[i].name, globals[i].value, globals[i].help, NULL);
	}
	fputs(".PP\nWhat removes something asks on a terminal, and wants\n.B \\-\\-yes\nwhere there is none. A file called\n.B \\-\nis standard input. "
	      "A list gives all of its pages; on a terminal the columns of a table are cut to its width, never else.\n"
	      ".SH COMMANDS\n",
	      to);
	for (size_t i = 0; (v = verb_at(i)); i++)
		print_verb(to, v);
	fputs(".SH SIGNALS\n.TP\n.B SIGHUP\nreads domains, users and certificates again; the configuration file is read at the start only.\n"
	      ".TP\n.BR SIGTERM \", \" SIGINT\nstop: sessions are told, what runs is finished, within 10 seconds.\n"
	      ".SH ENVIRONMENT\n.TP\n.B POSTROOM_TOKEN\nas\n.BR \\-\\-token :\na file with the API token, or the token.\n"
	      ".TP\n.B POSTROOM_BUG\nwith the value abort a broken invariant of a session ends the process, for tests; without it only that session ends.\n"
	      ".SH FILES\n.TP\n.I /etc/postroom/postroom.conf\nthe configuration, postroom.conf(5).\n.TP\n.I /etc/postroom/secret.key\nmade by setup.\n"
	      ".TP\n.I /var/lib/postroom\nall data.\n.TP\n.I /run/postroom/admin.sock\nthe API for root and the service's user.\n"
	      ".TP\n.I /run/postroom/submit.sock\nwhere sendmail(1) hands in mail.\n"
	      ".SH EXIT STATUS\nAs in sysexits.h: 0 success, 64 usage, 65 refused by the API, 69 the daemon does not run or is not set up, 70 an error of the program, "
	      "71 no memory or threads, 73 a folder cannot be made, 74 a key or database cannot be read or output not written, 75 try again, 76 an answer that was not understood, "
	      "77 not allowed, 78 configuration or a port in use.\n"
	      ".SH SEE ALSO\n.BR postroom.conf (5),\n.BR sendmail (1)\n",
	      to);
}

static void print_conf(FILE *to)
{
	const struct config_service *s;
	const struct config_key *k;

	fprintf(to, ".TH POSTROOM.CONF 5 \"\" \"Postroom %s\" \"File formats\"\n", POSTROOM_VERSION);
	fputs(".SH NAME\npostroom.conf \\- what Postroom needs to open its data and its ports\n"
	      ".SH DESCRIPTION\nLines of the form\n.IR key \" = \" value ;\na line that begins with # is a comment. Paths count from the folder of the file. "
	      "A change needs a restart;\n.B postroom config check\nlooks at it before. All else is in the database:\n.BR \"postroom setting ls\" .\n"
	      ".SH KEYS\n",
	      to);
	for (size_t i = 0; (k = config_key(i)); i++) {
		fprintf(to, ".TP\n.B %s\n", k->name);
		print_escaped(to, k->help);
		fputs(k->repeatable ? ". May be given several times. Without it: " : ". Without it: ", to);
		print_escaped(to, k->fallback);
		fputs(".\n", to);
	}
	fputs(".SH PORTS\nAfter the line\n.B [listen]\nstand the ports, each as\n.IR service \" = \" ADDR:PORT ,\nas often as wanted; an IPv6 address is in brackets.\n", to);
	for (size_t i = 0; (s = config_service(i)); i++) {
		fprintf(to, ".TP\n.B %s\n", s->name);
		print_escaped(to, s->help);
		fputs(".\n", to);
	}
	fputs(".SH SEE ALSO\n.BR postroom (8)\n", to);
}

static const struct {
	const char *option, *value, *meaning;
} sendmail_words[] = {
	{ "-t", NULL, "the recipients stand in To, Cc and Bcc (of a resent message in Resent-To and the like); Bcc is taken out. Recipients that are named are added" },
	{ "-i", NULL, "a line with a dot alone does not end the message; -oi is the same" },
	{ "-f", "ADDRESS", "the sender of the envelope, where failures are reported to; -r is the same. Only root and the service's user may choose freely among the addresses of this "
			   "server; others have the one that the administrator gave them (postroom submitter), or their login at the host's name" },
	{ "-F", "NAME", "the full name, where the message has no From" },
	{ "-bm", NULL, "hand in a message: what happens without it" },
	{ "-bs", NULL, "speak SMTP on standard input and output" },
	{ "-bp", NULL, "show the queue; mailq is the same. For root and the service's user" },
	{ "-bi", NULL, "nothing: aliases hold at once. newaliases is the same" },
	{ "-q", NULL, "try all that waits now. For root and the service's user" },
	{ "-C", "FILE", "another configuration file: it says where the socket is" },
	{ "-A -B -G -h -L -m -N -n -o -O -p -R -U -V -v -X -x -e -d", NULL, "read as others have them, and without effect here" },
};

static void print_sendmail(FILE *to)
{
	fprintf(to, ".TH SENDMAIL 1 \"\" \"Postroom %s\" \"User commands\"\n", POSTROOM_VERSION);
	fputs(".SH NAME\nsendmail, mailq, newaliases \\- hand in mail as other programs expect it\n"
	      ".SH SYNOPSIS\n.B sendmail\n.RI [ options ]\n.RI [ recipient ...]\n.br\n.B mailq\n.br\n.B newaliases\n"
	      ".SH DESCRIPTION\nA message comes on standard input and is handed in over the socket of the mail service, which knows who hands it in. "
	      "Without a line of its own from the administrator a user of this machine may write to recipients of this server only. "
	      "A name without a domain is a mailbox of the owner's domain; a login without a mailbox (root, www\\-data) is the postmaster.\n"
	      ".PP\nA message goes to all of its recipients or to none.\n.SH OPTIONS\n",
	      to);
	for (size_t i = 0; i < sizeof sendmail_words / sizeof sendmail_words[0]; i++)
		print_option(to, sendmail_words[i].option, sendmail_words[i].value, sendmail_words[i].meaning, NULL);
	fputs(".SH EXIT STATUS\nAs in sysexits.h: 0 accepted, 64 usage, 65 the message is malformed or too large, 67 no such recipient, 69 refused, 70 an error of the program, "
	      "74 standard input cannot be read, 75 the service does not run or says later, 77 not allowed, 78 configuration.\n"
	      ".SH SEE ALSO\n.BR postroom (8)\n",
	      to);
}

bool manual_print(FILE *to, const char *page)
{
	if (!page || strcmp(page, "postroom") == 0)
		print_postroom(to);
	else if (strcmp(page, "postroom.conf") == 0)
		print_conf(to);
	else if (strcmp(page, "sendmail") == 0)
		print_sendmail(to);
	else
		return false;
	return true;
}
