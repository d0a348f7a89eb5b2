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
	fputs(".SH FILES\n.TP\n.I /etc/postroom/postroom.conf\nthe configuration; see its comments.\n"
	      ".TP\n.I /var/lib/postroom\nall data.\n.TP\n.I /run/postroom/admin.sock\nthe API for root and the service's user.\n"
	      ".SH EXIT STATUS\nAs in sysexits.h: 0 success, 64 usage, 65 refused by the API, 69 the daemon does not run, 75 try again, 77 not allowed, 78 configuration.\n",
	      to);
}
