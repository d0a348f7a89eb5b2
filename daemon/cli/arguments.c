/* cli/arguments.c: the words of a command: noun, verb, global options anywhere, then what the verb's row names. */
#include "daemon/cli/arguments.h"

#include <jansson.h>
#include <unistd.h>

#include "daemon/cli/input.h"
#include "daemon/cli/value.h"

#define DEFAULT_CONFIG "/etc/postroom/postroom.conf"
#define PASSWORD_MAX 4096
#define OPTION_MAX 64
#define QUERY_MAX 65536
#define LIMIT_MAX 100000000

/* An option's word taken apart: "--name", "--name=value", "-o", "-ojson". */
struct option {
	char name[OPTION_MAX];
	const char *value; /* null: none in this word */
};

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static struct option take_apart(const char *word)
{
	struct option o = { .value = NULL };
	const char *equals = strchr(word, '=');

	if (word[1] == '-') {
		snprintf(o.name, sizeof o.name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
		o.value = equals ? equals + 1 : NULL;
	} else {
		snprintf(o.name, sizeof o.name, "%.2s", word);
		o.value = word[2] ? word + 2 : NULL;
	}
	return o;
}

static const struct global *find_global(const char *name)
{
	for (size_t i = 0; i < global_count; i++) {
		char letter[3] = { '-', globals[i].letter, '\0' };

		if (strcmp(globals[i].name, name) == 0 || (globals[i].letter && strcmp(letter, name) == 0))
			return &globals[i];
	}
	return NULL;
}

static const struct argument *find_option(const struct verb *v, const char *name)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		if (strcmp(v->arguments[i].name, name) == 0)
			return &v->arguments[i];
	return NULL;
}

static bool may_repeat(const struct argument *g)
{
	return g->kind == ARGUMENT_LIST || (g->place == PLACE_HAND && is_option(g->name) && g->value);
}

bool arguments_flag(const struct arguments *a, const char *name)
{
	for (size_t i = 0; i < a->given_count; i++)
		if (strcmp(a->given[i].argument->name, name) == 0)
			return true;
	return false;
}

const char *arguments_next(const struct arguments *a, const char *name, size_t *at)
{
	while (*at < a->given_count) {
		const struct given *g = &a->given[(*at)++];

		if (strcmp(g->argument->name, name) == 0)
			return g->value;
	}
	return NULL;
}

const char *arguments_value(const struct arguments *a, const char *name)
{
	size_t at = 0;

	return arguments_next(a, name, &at);
}

void arguments_add_query(struct arguments *a, const char *name, struct span value)
{
	if (a->query.len > 0)
		buf_add_char(&a->query, '&');
	buf_add_str(&a->query, name);
	buf_add_char(&a->query, '=');
	value_escape(&a->query, value);
}

/* ---- noun and verb ---- */

/* Words that are options of the verb or of all stay for later; the first two others are noun and verb. */
static enum err sort_word(struct arguments *out, char **argv, int argc, int *at, bool found, struct note *why)
{
	const char *word = argv[*at];
	struct option o = take_apart(word);
	const struct global *g = find_global(o.name);

	out->words[out->word_count++] = argv[(*at)++];
	if (g && g->value && !o.value && *at < argc) {
		out->words[out->word_count++] = argv[(*at)++];
	} else if (strcmp(word, "--version") == 0 && !out->noun) {
		out->word_count--;
		out->version = true;
	} else if (!g && !found) {
		note_set(why, "unknown option %.60s before the verb", word);
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

enum err arguments_find(int argc, char **argv, struct arguments *out, struct note *why)
{
	int at = 0;
	enum err e = ERR_OK;
	bool both = false;

	*out = (struct arguments){ .config_path = DEFAULT_CONFIG };
	arena_init(&out->arena, 4u * 1024u * 1024u);
	buf_init(&out->query, QUERY_MAX);
	if (argc > ARGUMENTS_MAX_WORDS) {
		note_set(why, "more than %d words", ARGUMENTS_MAX_WORDS);
		return ERR_SYNTAX;
	}
	out->words = arena_array(&out->arena, (size_t)argc + 1, sizeof *out->words);
	while (at < argc && e == ERR_OK && !(out->noun && (out->word || out->verb))) {
		if (is_option(argv[at])) {
			e = sort_word(out, argv, argc, &at, false, why);
			continue;
		}
		if (!out->noun) {
			out->noun = argv[at++];
			out->verb = verb_find(out->noun, NULL, &both);
			continue;
		}
		out->word = argv[at++];
		out->verb = verb_find(out->noun, out->word, &both);
	}
	while (at < argc && out->words)
		out->words[out->word_count++] = argv[at++];
	return out->words ? e : ERR_LIMIT;
}

/* ---- options ---- */

static enum err read_form(struct arguments *a, const char *word, struct note *why)
{
	static const char *const names[] = { [OUTPUT_TABLE] = "table", [OUTPUT_JSON] = "json", [OUTPUT_NDJSON] = "ndjson", [OUTPUT_CSV] = "csv" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(word, names[i]) == 0) {
			a->form = (enum output_form)i;
			return ERR_OK;
		}
	}
	note_set(why, "-o is table, json, ndjson or csv, not '%.40s'", word);
	return ERR_SYNTAX;
}

static enum err read_global_value(struct arguments *a, const struct global *g, const char *value, struct note *why)
{
	const struct {
		const char *name;
		const char **to;
	} texts[] = { { "--config", &a->config_path }, { "--url", &a->url }, { "--token", &a->token }, { "--ca-file", &a->ca_file }, { "--columns", &a->columns } };

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(texts[i].name, g->name) == 0) {
			*texts[i].to = value;
			return ERR_OK;
		}
	}
	if (strcmp(g->name, "--output") == 0)
		return read_form(a, value, why);
	if (span_to_u64(span_str(value), LIMIT_MAX, &a->limit) == ERR_OK && a->limit > 0)
		return ERR_OK;
	note_set(why, "--limit is a number from 1 on, not '%.40s'", value);
	return ERR_SYNTAX;
}

static void read_global_flag(struct arguments *a, const struct global *g)
{
	const struct {
		const char *name;
		bool *to;
	} flags[] = { { "--yes", &a->yes }, { "--help", &a->help }, { "--dry-run", &a->dry_run }, { "--wait", &a->wait }, { "--no-wait", &a->no_wait }, { "--all", &a->all } };

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (strcmp(flags[i].name, g->name) == 0)
			*flags[i].to = true;
}

static enum err remember(struct arguments *a, const struct argument *g, const char *value)
{
	if (!a->given)
		a->given = arena_array(&a->arena, (size_t)a->word_count + VERB_MAX_ARGUMENTS, sizeof *a->given);
	if (!a->given)
		return ERR_LIMIT;
	a->given[a->given_count++] = (struct given){ g, value };
	return ERR_OK;
}

static enum err put(struct arguments *a, const struct argument *g, const char *value, struct note *why)
{
	enum err e = remember(a, g, value);

	if (e != ERR_OK || g->kind == ARGUMENT_PASSWORD)
		return e; /* a password is read last, when all else is right */
	return value_put(a, g, value, why);
}

static enum err fault(struct note *why, const char *name, const char *what)
{
	note_set(why, "%.60s %s", name, what);
	return ERR_SYNTAX;
}

static enum err take_global(struct arguments *a, const struct global *g, const char *value, struct note *why)
{
	if (g->value)
		return read_global_value(a, g, value, why);
	read_global_flag(a, g);
	return ERR_OK;
}

static enum err take_own(struct arguments *a, const struct argument *g, const char *value, struct note *why)
{
	if (arguments_flag(a, g->name) && !may_repeat(g))
		return fault(why, g->name, "is given twice");
	return put(a, g, value, why);
}

/* One option; *at is behind what it took. */
static enum err read_option(struct arguments *a, int *at, struct note *why)
{
	struct option o = take_apart(a->words[(*at)++]);
	const struct argument *own = find_option(a->verb, o.name);
	const struct global *g = own ? NULL : find_global(o.name);
	const char *value = own ? own->value : g ? g->value
						 : NULL;

	if (!own && !g) {
		note_set(why, "unknown option %.60s", o.name);
		return ERR_SYNTAX;
	}
	if (g && !verb_takes(a->verb, g)) {
		note_set(why, "this verb does not take %.60s", o.name);
		return ERR_SYNTAX;
	}
	if (!value && o.value)
		return fault(why, o.name, "takes no value");
	if (value && !o.value) {
		if (*at >= a->word_count)
			return fault(why, o.name, "needs a value");
		o.value = a->words[(*at)++];
	}
	return g ? take_global(a, g, o.value, why) : take_own(a, own, o.value, why);
}

static enum err read_positional(struct arguments *a, const char *word, struct note *why)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && a->verb->arguments[i].name; i++) {
		const struct argument *g = &a->verb->arguments[i];

		if (!is_option(g->name) && (!arguments_flag(a, g->name) || may_repeat(g)))
			return put(a, g, word, why);
	}
	note_set(why, "unexpected word '%.60s'", word);
	return ERR_SYNTAX;
}

/* ---- the end ---- */

static enum err read_password(struct arguments *a, const struct argument *g, struct note *why)
{
	struct buf password;
	enum err e;

	if (a->stdin_taken) {
		note_set(why, "%s: standard input is read already", g->name);
		return ERR_SYNTAX;
	}
	a->stdin_taken = true;
	buf_init(&password, PASSWORD_MAX);
	e = input_password(&password, why);
	if (e == ERR_OK)
		e = value_put(a, g, buf_cstr(&password), why);
	buf_wipe(&password);
	return e;
}

/* A password may come from elsewhere, or be left for later. */
static bool is_waived(const struct arguments *a, const struct argument *g)
{
	return g->kind == ARGUMENT_PASSWORD && (arguments_flag(a, "--password-hash") || arguments_flag(a, "--no-password"));
}

static enum err finish_one(struct arguments *a, const struct argument *g, struct note *why)
{
	bool given = arguments_flag(a, g->name), needed = g->required && !is_waived(a, g);

	if (g->kind == ARGUMENT_PASSWORD && (given || (needed && isatty(STDIN_FILENO))))
		return read_password(a, g, why);
	if (!needed || given)
		return ERR_OK;
	note_set(why, g->kind == ARGUMENT_PASSWORD ? "there is no terminal to ask for a password: give %s" : "%s is missing", g->name);
	return ERR_SYNTAX;
}

static enum err finish(struct arguments *a, struct note *why)
{
	enum err e = ERR_OK;

	for (int i = 0; i < VERB_MAX_ARGUMENTS && a->verb->arguments[i].name && e == ERR_OK; i++)
		e = finish_one(a, &a->verb->arguments[i], why);
	if (e == ERR_OK && (a->query.failed || a->arena.failed)) {
		note_set(why, "too much to ask");
		e = ERR_SYNTAX;
	}
	return e;
}

enum err arguments_read(struct arguments *a, struct note *why)
{
	bool options = true; /* until "--" */
	int at = 0;
	enum err e = ERR_OK;

	if (a->verb->fixed_body)
		a->body = json_loads(a->verb->fixed_body, 0, NULL);
	while (at < a->word_count && e == ERR_OK && !a->help) {
		if (options && strcmp(a->words[at], "--") == 0) {
			options = false;
			at++;
		} else if (options && is_option(a->words[at])) {
			e = read_option(a, &at, why);
		} else {
			e = read_positional(a, a->words[at++], why);
		}
	}
	return e == ERR_OK && !a->help ? finish(a, why) : e;
}

void arguments_clear(struct arguments *a)
{
	json_decref(a->body);
	buf_clear(&a->query);
	arena_clear(&a->arena);
	*a = (struct arguments){ 0 };
}
