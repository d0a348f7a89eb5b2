/* cli/cli.c: finds the verb, reads its words, runs it, says what came of it. */
#include "daemon/cli/cli.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "api/api.h"
#include "daemon/base/version.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/client.h"
#include "daemon/cli/help.h"
#include "daemon/cli/local.h"
#include "daemon/cli/print.h"

static int say(int status, const struct note *why)
{
	fprintf(stderr, "postroom: %s\n", why->text);
	return status;
}

static int exit_of_err(enum err e)
{
	switch (e) {
	case ERR_OK: return EX_OK;
	case ERR_SYNTAX: return EX_CONFIG;
	case ERR_NOT_FOUND: return EX_UNAVAILABLE;
	case ERR_DENIED: return EX_NOPERM;
	case ERR_STATE:
	case ERR_TEMP: return EX_TEMPFAIL;
	case ERR_EXISTS:
	case ERR_LIMIT: return EX_DATAERR;
	case ERR_CORRUPT: return EX_SOFTWARE;
	}
	return EX_SOFTWARE;
}

static int exit_of_status(int status)
{
	if (status < 400)
		return EX_OK;
	if (status == 401 || status == 403)
		return EX_NOPERM;
	if (status == 503)
		return EX_TEMPFAIL;
	return status < 500 ? EX_DATAERR : EX_SOFTWARE;
}

static int show(const struct verb *v, const struct arguments *a, int status, struct span body)
{
	if (status >= 400)
		print_problem(status, body);
	else if (!print_answer(v, a->form == OUTPUT_JSON, body)) {
		fputs("postroom: the daemon's answer could not be read\n", stderr);
		return EX_PROTOCOL;
	}
	return exit_of_status(status);
}

/* Where to ask: the daemon; for some verbs, when it is down, the handler here; setup always here. */
static enum err request(const struct verb *v, const struct arguments *a, struct config *c, struct span body, int *status, struct buf *response, struct note *why)
{
	enum err e = ERR_NOT_FOUND;

	if (v->kind != VERB_SETUP)
		e = client_request(config_path(c, c->run_dir, "admin.sock"), v->method, a->path, body, status, response, why);
	if (e == ERR_NOT_FOUND && v->kind == VERB_API)
		note_set(why, "the daemon does not run: no answer at %s/admin.sock", c->run_dir);
	if (e == ERR_NOT_FOUND && v->kind != VERB_API) {
		e = local_request(c, v->kind == VERB_SETUP, v->method, a->path, body, status, response, why);
		if (e == ERR_NOT_FOUND)
			note_set(why, "not set up yet: run postroom setup first");
	}
	return e;
}

static int run_api(const struct verb *v, const struct arguments *a)
{
	struct note why = { "" };
	struct config config;
	struct buf response;
	char *body = NULL;
	int status = 0;
	enum err e = config_read(a->config_path, &config, &why);

	if (e != ERR_OK)
		return say(EX_CONFIG, &why);
	if (a->body)
		body = json_dumps(a->body, JSON_COMPACT);
	buf_init(&response, API_RESPONSE_MAX + 65536);
	e = request(v, a, &config, span_str(body), &status, &response, &why);
	if (e != ERR_OK)
		status = say(exit_of_err(e), &why);
	else
		status = show(v, a, status, buf_span(&response));
	buf_clear(&response);
	if (body)
		explicit_bzero(body, strlen(body));
	free(body);
	config_clear(&config);
	return status;
}

static int check_config(const struct arguments *a)
{
	struct note why = { "" };
	struct config config;

	if (config_read(a->config_path, &config, &why) != ERR_OK)
		return say(EX_CONFIG, &why);
	if (config_check_files(&config, &why) != ERR_OK) {
		config_clear(&config);
		return say(EX_CONFIG, &why);
	}
	printf("%s is good: %zu listeners, data in %s\n", a->config_path, config.listener_count, config.data_dir);
	config_clear(&config);
	return EX_OK;
}

static int run_verb(const struct verb *v, const struct arguments *a, int (*serve)(const char *config_path))
{
	if (a->help) {
		help_verb(stdout, v);
		return EX_OK;
	}
	switch (v->kind) {
	case VERB_API:
	case VERB_API_LOCAL:
	case VERB_SETUP:
		return run_api(v, a);
	case VERB_SERVE:
		return serve(a->config_path);
	case VERB_CONFIG_CHECK:
		return check_config(a);
	case VERB_VERSION:
		if (a->form == OUTPUT_JSON)
			printf("{\"version\":\"%s\"}\n", POSTROOM_VERSION);
		else
			puts("postroom " POSTROOM_VERSION);
		return EX_OK;
	case VERB_MANUAL:
		help_manual(stdout);
		return EX_OK;
	}
	return EX_SOFTWARE;
}

/* What people try first, with or without hyphens. */
static const char *plain_word(const char *word)
{
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return "help";
	return strcmp(word, "--version") == 0 ? "version" : word;
}

/* No verb: `help`, with the verbs of a noun; or what is wrong. */
static int explain(const char *noun, const char *verb)
{
	bool asked = strcmp(noun, "help") == 0 || (verb && strcmp(plain_word(verb), "help") == 0);
	const char *topic = strcmp(noun, "help") == 0 ? verb : noun;

	if (topic && !help_knows(topic)) {
		fprintf(stderr, "postroom: unknown command '%.40s'; postroom help lists all\n", topic);
		return EX_USAGE;
	}
	if (!asked && verb)
		fprintf(stderr, "postroom: unknown command '%.40s %.40s'\n", noun, verb);
	help_noun(asked ? stdout : stderr, topic);
	return asked ? EX_OK : EX_USAGE;
}

static int run_words(int argc, char **argv, int (*serve)(const char *config_path))
{
	struct arguments arguments;
	struct note why = { "" };
	int words, status;
	const struct verb *v = verb_find(argc, argv, &words);

	if (!v)
		return explain(argv[0], argc > 1 ? argv[1] : NULL);
	if (arguments_read(v, argc - words, argv + words, &arguments, &why) != ERR_OK) {
		status = say(EX_USAGE, &why);
		help_verb(stderr, v);
	} else {
		status = run_verb(v, &arguments, serve);
	}
	arguments_clear(&arguments);
	return status;
}

int cli_run(int argc, char **argv, int (*serve)(const char *config_path))
{
	int status;

	if (argc < 2) {
		help_noun(stderr, NULL);
		return EX_USAGE;
	}
	argv[1] = (char *)(uintptr_t)plain_word(argv[1]);
	status = run_words(argc - 1, argv + 1, serve);
	if (status == EX_OK && fflush(stdout) != 0) {
		fputs("postroom: standard output could not be written\n", stderr);
		return EX_IOERR;
	}
	return status;
}
