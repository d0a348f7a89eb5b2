/* cli/help.c: help and manual, made from the table of verbs, so that neither can say what is not so. */
#include "daemon/cli/help.h"

#include <string.h>

#include "daemon/base/version.h"

/* A password can be left out on a terminal, where it is asked for. */
static bool may_be_left_out(const struct argument *g)
{
	return !g->required || g->kind == ARGUMENT_PASSWORD;
}

static void print_usage(FILE *to, const struct verb *v)
{
	fprintf(to, "%s%s%s", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];

		fprintf(to, may_be_left_out(g) ? " [%s%s%s%s]" : " %s%s%s%s", g->name, g->value ? " " : "", g->value ? g->value : "", g->kind == ARGUMENT_REST ? "..." : "");
	}
}

void help_verb(FILE *to, const struct verb *v)
{
	fputs("usage: postroom ", to);
	print_usage(to, v);
	fprintf(to, " [--config FILE] [-o table|json]\n%s\n", v->summary);
}

bool help_knows(const char *noun)
{
	for (size_t i = 0; i < verb_count; i++)
		if (strcmp(verbs[i].noun, noun) == 0)
			return true;
	return false;
}

void help_noun(FILE *to, const char *noun)
{
	fputs("usage: postroom NOUN [VERB] [--config FILE] [-o table|json] ...\n\n", to);
	for (size_t i = 0; i < verb_count; i++) {
		if (noun && strcmp(verbs[i].noun, noun) != 0)
			continue;
		fputs("  postroom ", to);
		print_usage(to, &verbs[i]);
		fprintf(to, "\n      %s\n", verbs[i].summary);
	}
	if (!noun)
		fputs("  postroom help [NOUN]\n      print this\n", to);
	fputs("\n--config FILE: the configuration, /etc/postroom/postroom.conf by default; it names the socket.\n"
	      "--password-stdin: the password comes on standard input; without it, one that is needed is asked for on a terminal.\n",
	      to);
}

/* Hyphens of options are minus signs in man(7). */
static void print_escaped(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			fputc('\\', to);
		fputc(*text, to);
	}
}

static void manual_verb(FILE *to, const struct verb *v)
{
	fprintf(to, ".TP\n.B %s%s%s\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];

		fputs(may_be_left_out(g) ? "[" : "", to);
		print_escaped(to, g->name);
		if (g->value)
			fprintf(to, " %s", g->value);
		fputs(g->kind == ARGUMENT_REST ? " ..." : "", to);
		fputs(may_be_left_out(g) ? "]\n" : "\n", to);
	}
	fprintf(to, ".br\n%s%s.\n", v->summary, v->kind == VERB_API ? " (needs the daemon)" : "");
}

static const struct {
	const char *name, *meaning;
} manual_keys[] = {
	{ "data_dir", "all data; /var/lib/postroom" },
	{ "run_dir", "the API's socket; /run/postroom" },
	{ "user", "who runs the service after root has bound the ports; whoever starts it" },
	{ "log_level", "debug, info, warn or error; info" },
	{ "resolver", "recursive (asks the DNS itself, with DNSSEC), system (the servers of /etc/resolv.conf) or ADDR@PORT; recursive" },
	{ "trust_anchor", "a file of DS or DNSKEY records of the root zone; /usr/share/dns/root.key" },
	{ "relay_port", "the port of other servers; 25" },
	{ "secret_key", "the key that seals the secrets in the database; secret.key beside the configuration. "
			"Keep a copy: without it the data folder cannot be opened" },
	{ "tls_ca_file", "certificates of the authorities that relay hosts are checked against; the system's" },
	{ "trusted_network", "a network like 192.0.2.0/24, free of limits and delays for each address; never of authentication, and it may not relay. Repeatable" },
};

static void manual_configuration(FILE *to)
{
	fputs(".SH CONFIGURATION\nLines of the form\n.IR key \" = \" value ;\na line that begins with # is a comment. Paths count from the folder of the file. A change needs a restart.\n", to);
	for (size_t i = 0; i < sizeof manual_keys / sizeof manual_keys[0]; i++) {
		fprintf(to, ".TP\n.B %s\n", manual_keys[i].name);
		print_escaped(to, manual_keys[i].meaning);
		fputs(".\n", to);
	}
	fputs(".PP\nAfter the line\n.B [listen]\nstand the ports, each as\n.IR service \" = \" ADDR:PORT ,\nrepeatable:\n"
	      ".BR mx \", \" submission \", \" submissions \", \" imap \", \" imaps \", \" http \", \" https .\n",
	      to);
}

void help_manual(FILE *to)
{
	fprintf(to, ".TH POSTROOM 8 \"\" \"Postroom %s\" \"System administration\"\n", POSTROOM_VERSION);
	fputs(".SH NAME\npostroom \\- mail server with its administration\n"
	      ".SH SYNOPSIS\n.B postroom\n.I noun\n.RI [ verb ]\n.RB [ \\-\\-config\n.IR file ]\n.RB [ \\-o\n.BR table | json ]\n.RI [ arguments ]\n"
	      ".SH DESCRIPTION\nOne daemon receives, sends, stores and serves the mail of a small organisation.\n"
	      ".B postroom serve\nruns it; the other nouns speak to it over the unix socket in its run_dir.\n"
	      ".SH COMMANDS\n",
	      to);
	for (size_t i = 0; i < verb_count; i++)
		manual_verb(to, &verbs[i]);
	manual_configuration(to);
	fputs(".SH SIGNALS\n.TP\n.B SIGHUP\nreads domains, users and certificates again; the configuration file is read at the start only.\n"
	      ".TP\n.BR SIGTERM \", \" SIGINT\nstop: sessions are told, what runs is finished, within 10 seconds.\n"
	      ".SH ENVIRONMENT\n.TP\n.B POSTROOM_BUG\nwith the value abort a broken invariant of a session ends the process, for tests; without it only that session ends.\n"
	      ".SH FILES\n.TP\n.I /etc/postroom/postroom.conf\nthe configuration.\n.TP\n.I /etc/postroom/secret.key\nmade by setup.\n"
	      ".TP\n.I /var/lib/postroom\nall data.\n.TP\n.I /run/postroom/admin.sock\nthe API for root and the service's user.\n"
	      ".SH EXIT STATUS\nAs in sysexits.h: 0 success, 64 usage, 65 refused by the API, 69 the daemon does not run or is not set up, 70 an error of the program, "
	      "71 no memory or threads, 73 a folder cannot be made, 74 a key or database cannot be read, 75 try again, 76 an answer that was not understood, "
	      "77 not allowed, 78 configuration or a port in use.\n",
	      to);
}
