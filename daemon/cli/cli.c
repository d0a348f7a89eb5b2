/* cli/cli.c: finds the verb, reads its words, runs it. */
#include "daemon/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "daemon/base/version.h"
#include "daemon/cli/apply.h"
#include "daemon/cli/completion.h"
#include "daemon/cli/doctor.h"
#include "daemon/cli/help.h"
#include "daemon/cli/job.h"
#include "daemon/cli/manual.h"
#include "daemon/cli/probe.h"
#include "daemon/cli/raw.h"
#include "daemon/cli/run.h"
#include "daemon/cli/send.h"
#include "daemon/cli/sendmail.h"
#include "daemon/cli/setting.h"
#include "daemon/cli/steering.h"
#include "daemon/cli/tracing.h"
#include "daemon/cli/watch.h"

static int check_config(const struct arguments *a)
{
	struct note why = { "" };
	struct config config;

	if (config_read(a->config_path, &config, &why) != ERR_OK) {
		fprintf(stderr, "postroom: %s\n", why.text);
		return EX_CONFIG;
	}
	if (config_check_files(&config, &why) != ERR_OK) {
		config_clear(&config);
		fprintf(stderr, "postroom: %s\n", why.text);
		return EX_CONFIG;
	}
	if (a->form == OUTPUT_TABLE)
		printf("%s is good: %zu listeners, data in %s\n", a->config_path, config.listener_count, config.data_dir);
	else
		printf("{\"good\":true,\"listeners\":%zu}\n", config.listener_count);
	config_clear(&config);
	return EX_OK;
}

static int print_version(enum output_form form)
{
	switch (form) {
	case OUTPUT_TABLE: puts("postroom " POSTROOM_VERSION); break;
	case OUTPUT_JSON:
	case OUTPUT_NDJSON: puts("{\"version\":\"" POSTROOM_VERSION "\"}"); break;
	case OUTPUT_CSV: printf("version\r\n" POSTROOM_VERSION "\r\n"); break;
	}
	return EX_OK;
}

/* `postroom help`, of a noun, of a verb. */
static int explain(const struct arguments *a)
{
	const char *noun = arguments_value(a, "NOUN"), *word = arguments_value(a, "VERB");
	bool both = false;
	const struct verb *v = noun ? verb_find(noun, word, &both) : NULL;

	if (noun && !verb_is_noun(noun)) {
		fprintf(stderr, "postroom: unknown command '%.40s'; postroom help lists all\n", noun);
		return EX_USAGE;
	}
	if (v)
		help_verb(stdout, v);
	else if (noun)
		help_noun(stdout, noun);
	else
		help_nouns(stdout);
	return EX_OK;
}

static int run_verb(struct arguments *a, int (*serve)(const char *config_path))
{
	switch (a->verb->kind) {
	case VERB_API:
	case VERB_API_LOCAL:
	case VERB_SETUP: return run_api(a);
	case VERB_LIST: return run_list(a);
	case VERB_UPLOAD: return run_upload(a);
	case VERB_DOWNLOAD: return run_download(a);
	case VERB_SETTING: return run_setting(a);
	case VERB_APPLY: return run_apply(a);
	case VERB_SEND: return run_send(a);
	case VERB_STEER: return run_steer(a);
	case VERB_PROBE: return run_probe(a);
	case VERB_TRACE: return run_trace(a);
	case VERB_WATCH: return run_watch(a);
	case VERB_WAIT: return run_wait(a);
	case VERB_DOCTOR: return run_doctor(a);
	case VERB_RAW: return run_raw(a);
	case VERB_SERVE: return serve(a->config_path);
	case VERB_CONFIG_CHECK: return check_config(a);
	case VERB_VERSION: return print_version(a->form);
	case VERB_HELP: return explain(a);
	case VERB_MANUAL: return manual_print(stdout, arguments_value(a, "PAGE")) ? EX_OK : EX_USAGE;
	case VERB_COMPLETION: return completion_print(stdout, arguments_value(a, "SHELL")) ? EX_OK : EX_USAGE;
	}
	return EX_SOFTWARE;
}

/* No such verb: the ones there are, or what is wrong. */
static int no_verb(const struct arguments *a)
{
	bool asked = a->word && strcmp(a->word, "help") == 0;

	for (int i = 0; i < a->word_count; i++)
		asked = asked || strcmp(a->words[i], "--help") == 0 || strcmp(a->words[i], "-h") == 0;
	if (a->noun && !verb_is_noun(a->noun)) {
		fprintf(stderr, "postroom: unknown command '%.40s'; postroom help lists all\n", a->noun);
		return EX_USAGE;
	}
	if (!asked && a->word)
		fprintf(stderr, "postroom: unknown command '%.40s %.40s'\n", a->noun, a->word);
	if (a->noun)
		help_noun(asked ? stdout : stderr, a->noun);
	else
		help_nouns(asked ? stdout : stderr);
	return asked ? EX_OK : EX_USAGE;
}

static int run_words(int argc, char **argv, int (*serve)(const char *config_path))
{
	struct arguments a;
	struct note why = { "" };
	int status;

	if (arguments_find(argc, argv, &a, &why) != ERR_OK) {
		fprintf(stderr, "postroom: %s\n", why.text);
		status = EX_USAGE;
	} else if (a.version) {
		status = print_version(a.form);
	} else if (!a.verb) {
		status = no_verb(&a);
	} else if (arguments_read(&a, &why) != ERR_OK) {
		status = run_usage(&a, &why);
	} else if (a.help) {
		help_verb(stdout, a.verb);
		status = EX_OK;
	} else {
		status = run_verb(&a, serve);
	}
	arguments_clear(&a);
	return status;
}

int cli_run(int argc, char **argv, int (*serve)(const char *config_path))
{
	int status = argc > 0 && sendmail_is_name(argv[0]) ? sendmail_run(argc, argv) : run_words(argc - 1, argv + 1, serve);

	if (status == EX_OK && fflush(stdout) != 0) {
		fputs("postroom: standard output could not be written\n", stderr);
		return EX_IOERR;
	}
	return status;
}
