/* cli/help.c: help, made from the tables of verbs, so that it cannot say what is not so. */
#include "daemon/cli/help.h"

#include <string.h>

#define NAME_WIDTH 30

bool help_may_leave_out(const struct argument *g)
{
	return !g->required || g->kind == ARGUMENT_PASSWORD;
}

const char *help_of(const struct argument *g)
{
	if (g->help)
		return g->help;
	if (g->kind == ARGUMENT_PASSWORD)
		return "the password comes on standard input; without this, one that is needed is asked for on a terminal";
	return "";
}

static bool is_several(const struct argument *g)
{
	return g->kind == ARGUMENT_LIST && g->name[0] != '-';
}

/* "user add ADDRESS [--name NAME]" */
static void print_usage(FILE *to, const struct verb *v)
{
	fprintf(to, "%s%s%s", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++) {
		const struct argument *g = &v->arguments[i];

		fprintf(to, help_may_leave_out(g) ? " [%s%s%s%s]" : " %s%s%s%s", g->name, g->value ? " " : "", g->value ? g->value : "", is_several(g) ? "..." : "");
	}
}

static void print_option(FILE *to, const char *name, const char *value, const char *help, const char *choices)
{
	int width = (int)strlen(name) + (value ? (int)strlen(value) + 1 : 0);

	fprintf(to, "  %s%s%s%*s%s", name, value ? " " : "", value ? value : "", width < NAME_WIDTH ? NAME_WIDTH - width : 1, "", help);
	if (choices)
		fprintf(to, "%s(%s)", *help ? " " : "", choices);
	fputc('\n', to);
}

static void print_global(FILE *to, const struct global *g)
{
	char name[64];

	if (g->letter)
		snprintf(name, sizeof name, "-%c, %s", g->letter, g->name);
	else
		snprintf(name, sizeof name, "%s", g->name);
	print_option(to, name, g->value, g->help, NULL);
}

void help_short(FILE *to, const struct verb *v)
{
	fputs("usage: postroom ", to);
	print_usage(to, v);
	fprintf(to, "\nnext: postroom %s%s%s --help\n", v->noun, v->verb ? " " : "", v->verb ? v->verb : "");
}

void help_verb(FILE *to, const struct verb *v)
{
	fputs("usage: postroom ", to);
	print_usage(to, v);
	fprintf(to, "\n%s%s\n", v->summary, v->kind == VERB_API_LOCAL ? "; works while the daemon is down too" : "");
	if (v->arguments[0].name)
		fputc('\n', to);
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		if (*help_of(&v->arguments[i]) || v->arguments[i].choices || v->arguments[i].name[0] == '-')
			print_option(to, v->arguments[i].name, v->arguments[i].value, help_of(&v->arguments[i]), v->arguments[i].choices);
	fputs("\nwith every verb:\n", to);
	for (size_t i = 0; i < global_count; i++)
		if (verb_takes(v, &globals[i]))
			print_global(to, &globals[i]);
	if (v->operation)
		fprintf(to, "\noperation of the API: %s\n", v->operation);
}

void help_noun(FILE *to, const char *noun)
{
	const struct verb *v;

	fputs("usage: postroom NOUN [VERB] [ARGUMENTS] [OPTIONS]\n\n", to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		if (strcmp(v->noun, noun) != 0)
			continue;
		fputs("  postroom ", to);
		print_usage(to, v);
		fprintf(to, "\n      %s\n", v->summary);
	}
	fputs("\noptions, anywhere:\n", to);
	for (size_t i = 0; i < global_count; i++)
		print_global(to, &globals[i]);
	fputs("\npostroom NOUN VERB --help says more of each; postroom manual is the manual page.\n", to);
}

/* Of those that have verbs; a noun that is a verb itself has its summary. */
static const char *noun_summary(const char *noun)
{
	static const struct {
		const char *noun, *summary;
	} summaries[] = {
		{ "config", "the configuration file" },
		{ "setting", "what can be set while the service runs" },
		{ "cert", "certificates" },
		{ "domain", "domains that mail is taken for" },
		{ "user", "users and their mailboxes" },
		{ "grant", "who may do what in whose mailboxes" },
		{ "alias", "addresses that deliver to others" },
		{ "message", "what became of a message" },
		{ "queue", "mail that waits to go out" },
		{ "hold-rule", "mail that is held when it is accepted" },
		{ "suppression", "addresses elsewhere that are not written to" },
		{ "sender", "what users send outside" },
		{ "tls", "how TLS to other servers goes" },
		{ "tls-rule", "what TLS other servers must have" },
		{ "relay", "hosts that outgoing mail goes through" },
		{ "submitter", "who on this machine sends as whom" },
		{ "token", "tokens of the API" },
		{ "admin", "who administers" },
		{ "refusal", "addresses and logins that are refused for a time" },
		{ "audit", "who changed what" },
		{ "webhook", "servers that are told of events" },
		{ "job", "long work" },
	};

	for (size_t i = 0; i < sizeof summaries / sizeof summaries[0]; i++)
		if (strcmp(summaries[i].noun, noun) == 0)
			return summaries[i].summary;
	return NULL;
}

void help_nouns(FILE *to)
{
	const struct verb *v;
	const char *noun = "", *summary;

	fputs("usage: postroom NOUN [VERB] [ARGUMENTS] [OPTIONS]\n", to);
	for (size_t i = 0; (v = verb_at(i)); i++) {
		if (strcmp(v->noun, noun) == 0) {
			fprintf(to, " %s", v->verb);
			continue;
		}
		noun = v->noun;
		summary = v->verb ? noun_summary(noun) : v->summary;
		fprintf(to, "\n  %-12s%s", noun, summary ? summary : "");
		if (v->verb)
			fprintf(to, ": %s", v->verb);
	}
	fputs("\n\nnext: postroom help NOUN says what its verbs take; postroom manual is all of it, as a manual page\n", to);
}
