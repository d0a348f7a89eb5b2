/* cli/verbs.c: finding verbs. The tables stand in verbs_*.c: a verb that is not there does not exist; one that is there is parsed, run,
 * shown in help, manual and completions. */
#include "daemon/cli/verbs.h"

#include <string.h>

#include "api/operation.h"
#include "daemon/cli/tables.h"

static const struct verb_table *const tables[] = { &verbs_system, &verbs_directory, &verbs_mail, &verbs_queue, &verbs_access, &verbs_words };

const struct verb *verb_at(size_t index)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
		if (index < tables[i]->count)
			return &tables[i]->list[index];
		index -= tables[i]->count;
	}
	return NULL;
}

const struct verb *verb_find(const char *noun, const char *verb, bool *took_both_out)
{
	const struct verb *v;

	for (size_t i = 0; noun && (v = verb_at(i)); i++) {
		if (strcmp(noun, v->noun) != 0)
			continue;
		*took_both_out = v->verb;
		if (!v->verb || (verb && strcmp(verb, v->verb) == 0))
			return v;
	}
	return NULL;
}

bool verb_is_noun(const char *word)
{
	const struct verb *v;

	for (size_t i = 0; (v = verb_at(i)); i++)
		if (strcmp(v->noun, word) == 0)
			return true;
	return false;
}

/* It changes something. */
static bool writes(const struct verb *v)
{
	const char *method, *path;

	return v->operation && operation_find(v->operation, &method, &path) && strcmp(method, "GET") != 0;
}

const struct global globals[] = {
	{ "--config", "FILE", "the configuration, which names the socket; /etc/postroom/postroom.conf", 0 },
	{ "--output", "FORM", "table, json, ndjson or csv", 'o' },
	{ "--url", "URL", "ask the daemon at https://HOST instead of the one of this machine", 0 },
	{ "--token", "FILE", "the file that holds the API token for --url (or the token); POSTROOM_TOKEN", 0 },
	{ "--ca-file", "FILE", "authorities that the certificate of --url is checked against; the system's", 0 },
	{ "--yes", NULL, "do not ask before something is removed", 'y' },
	{ "--help", NULL, "how this verb is used", 'h' },
	{ "--dry-run", NULL, "change nothing, say what would be done", 0 },
	{ "--no-wait", NULL, "begin the job and do not wait for its end", 0 },
	{ "--wait", NULL, "wait for the end; jobs are waited for without it", 0 },
	{ "--all", NULL, "every row; of the queue: every message", 0 },
	{ "--limit", "N", "so many rows at most", 0 },
	{ "--columns", "NAMES", "these fields, with commas between", 0 },
};
const size_t global_count = sizeof globals / sizeof globals[0];

bool verb_takes(const struct verb *v, const struct global *g)
{
	bool is_list = v->kind == VERB_LIST || v->kind == VERB_TRACE;

	if (strcmp(g->name, "--dry-run") == 0)
		return writes(v) || v->kind == VERB_RAW;
	if (strcmp(g->name, "--no-wait") == 0)
		return v->is & VERB_HAS_JOB;
	if (strcmp(g->name, "--wait") == 0)
		return (v->is & VERB_HAS_JOB) || v->kind == VERB_SEND;
	if (strcmp(g->name, "--all") == 0)
		return is_list || v->kind == VERB_STEER;
	if (strcmp(g->name, "--limit") == 0)
		return is_list || v->kind == VERB_WATCH;
	if (strcmp(g->name, "--columns") == 0)
		return is_list || v->columns;
	return true;
}
