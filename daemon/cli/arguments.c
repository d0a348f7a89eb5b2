/* cli/arguments.c: reads the words behind a verb into a path and a JSON body. */
#include "daemon/cli/arguments.h"

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/base/buf.h"

#define DEFAULT_CONFIG "/etc/postroom/postroom.conf"
#define PASSWORD_MAX 4096
#define OPTION_MAX 64

struct reading {
	const struct verb *verb;
	struct arguments *out;
	bool given[VERB_MAX_ARGUMENTS];
	struct note *why;
};

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

static int option_index(const struct verb *v, const char *word)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && v->arguments[i].name; i++)
		if (strcmp(v->arguments[i].name, word) == 0)
			return i;
	return VERB_MAX_ARGUMENTS;
}

static int next_positional(const struct reading *r)
{
	for (int i = 0; i < VERB_MAX_ARGUMENTS && r->verb->arguments[i].name; i++)
		if (!is_option(r->verb->arguments[i].name) && (!r->given[i] || r->verb->arguments[i].kind == ARGUMENT_REST))
			return i;
	return VERB_MAX_ARGUMENTS;
}

/* RFC 3986: all but the unreserved is escaped. */
static struct span path_with(struct arena *a, const char *pattern, struct span value)
{
	const char *hole = strstr(pattern, "{}");
	struct buf text;
	struct span out;

	buf_init(&text, 16384);
	buf_add(&text, span_make(pattern, (size_t)(hole - pattern)));
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (ascii_is_alpha(c) || ascii_is_digit(c) || strchr("-._~@+", c))
			buf_add_char(&text, c);
		else
			buf_addf(&text, "%%%02X", (unsigned)(unsigned char)c);
	}
	buf_add_str(&text, hole + 2);
	out = text.failed ? SPAN("") : arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return out;
}

static enum err put_value(struct reading *r, int at, const char *word)
{
	const struct argument *g = &r->verb->arguments[at];
	struct arguments *out = r->out;
	json_t *value = NULL;
	uint64_t port;

	r->given[at] = true;
	if (!g->field) {
		out->path = path_with(&out->arena, r->verb->path, span_str(word));
		return out->path.len ? ERR_OK : ERR_LIMIT;
	}
	if (g->kind == ARGUMENT_REST && json_object_get(out->body, g->field))
		return json_array_append_new(json_object_get(out->body, g->field), json_string(word)) == 0 ? ERR_OK : ERR_SYNTAX;
	if (g->kind == ARGUMENT_REST) {
		value = json_pack("[s]", word);
	} else if (g->kind == ARGUMENT_PORT) {
		if (span_to_u64(span_str(word), 65535, &port) != ERR_OK || port == 0) {
			note_set(r->why, "%s: not a port: '%.40s'", g->name, word);
			return ERR_SYNTAX;
		}
		value = json_integer((json_int_t)port);
	} else {
		value = json_string(word);
	}
	if (json_object_set_new(out->body, g->field, value) == 0)
		return ERR_OK;
	note_set(r->why, "%s: not UTF-8 text", g->name);
	return ERR_SYNTAX;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

static void read_line(struct buf *out)
{
	char c;

	while (!interrupted && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		buf_add_char(out, c);
}

/* Without echo; a signal that ends us finds the terminal as it was. */
static void ask_terminal(struct buf *out)
{
	static const int deadly[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	const struct sigaction note = { .sa_handler = on_signal };
	struct sigaction before[4];
	struct termios old, quiet;

	if (tcgetattr(STDIN_FILENO, &old) != 0)
		return;
	for (int i = 0; i < 4; i++)
		sigaction(deadly[i], &note, &before[i]);
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fputs("Password: ", stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	read_line(out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	fputs("\n", stderr);
	for (int i = 0; i < 4; i++)
		sigaction(deadly[i], &before[i], NULL);
	if (interrupted)
		raise(interrupted);
}

/* The first line of standard input; on a terminal asked for. */
static enum err read_password(struct buf *out, struct note *why)
{
	if (isatty(STDIN_FILENO))
		ask_terminal(out);
	else
		read_line(out);
	if (out->len > 0 && out->ptr[out->len - 1] == '\r')
		out->len--;
	if (out->failed || out->len == 0 || memchr(out->ptr, '\0', out->len)) {
		note_set(why, out->failed || out->len > 0 ? "the password on standard input is too long, or has a NUL in it" : "no password came on standard input");
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static enum err put_password(struct reading *r, int at)
{
	struct buf password;
	enum err e;

	buf_init(&password, PASSWORD_MAX);
	e = read_password(&password, r->why);
	if (e == ERR_OK)
		e = put_value(r, at, buf_cstr(&password));
	buf_wipe(&password);
	return e;
}

static enum err read_form(struct reading *r, const char *word)
{
	if (strcmp(word, "json") == 0)
		r->out->form = OUTPUT_JSON;
	else if (strcmp(word, "table") == 0)
		r->out->form = OUTPUT_TABLE;
	else {
		note_set(r->why, "-o is table or json, not '%.40s'", word);
		return ERR_SYNTAX;
	}
	return ERR_OK;
}

static bool takes_value(const struct reading *r, const char *name)
{
	int at = option_index(r->verb, name);

	return strcmp(name, "--config") == 0 || strcmp(name, "-o") == 0 || (at < VERB_MAX_ARGUMENTS && r->verb->arguments[at].value);
}

/* `value` is there exactly when the option takes one. */
static enum err read_option(struct reading *r, const char *name, const char *value)
{
	int at = option_index(r->verb, name);

	if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
		r->out->help = true;
		return ERR_OK;
	}
	if (value && strcmp(name, "--config") == 0) {
		r->out->config_path = value;
		return ERR_OK;
	}
	if (value && strcmp(name, "-o") == 0)
		return read_form(r, value);
	if (at == VERB_MAX_ARGUMENTS || r->given[at]) {
		note_set(r->why, at == VERB_MAX_ARGUMENTS ? "unknown option %.60s" : "%.60s is given twice", name);
		return ERR_SYNTAX;
	}
	if (r->verb->arguments[at].kind == ARGUMENT_PASSWORD) {
		r->given[at] = true; /* read last, when all else is right */
		return ERR_OK;
	}
	return put_value(r, at, value);
}

/* "--name value", "--name=value" or "--flag"; *used: how many words that took. */
static enum err read_option_words(struct reading *r, const char *word, const char *next, int *used)
{
	const char *equals = strchr(word, '='), *value = next;
	char name[OPTION_MAX];

	snprintf(name, sizeof name, "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
	*used = 1;
	if (!takes_value(r, name)) {
		if (!equals)
			return read_option(r, name, NULL);
		note_set(r->why, "%s takes no value", name);
		return ERR_SYNTAX;
	}
	if (equals)
		value = equals + 1;
	else
		*used = 2;
	if (value)
		return read_option(r, name, value);
	note_set(r->why, "%s needs a value", name);
	return ERR_SYNTAX;
}

static enum err finish(struct reading *r)
{
	enum err e = ERR_OK;

	for (int i = 0; i < VERB_MAX_ARGUMENTS && r->verb->arguments[i].name && e == ERR_OK; i++) {
		const struct argument *g = &r->verb->arguments[i];
		bool asks = g->kind == ARGUMENT_PASSWORD && (r->given[i] || (g->required && isatty(STDIN_FILENO)));

		if (asks) {
			e = put_password(r, i);
		} else if (g->required && !r->given[i]) {
			note_set(r->why, g->kind == ARGUMENT_PASSWORD ? "there is no terminal to ask for a password: give %s" : "%s is missing", g->name);
			e = ERR_SYNTAX;
		}
	}
	return e;
}

static void start(struct reading *r)
{
	struct arguments *out = r->out;

	*out = (struct arguments){ .config_path = DEFAULT_CONFIG };
	arena_init(&out->arena, 1024u * 1024u);
	if (r->verb->fixed_body)
		out->body = json_loads(r->verb->fixed_body, 0, NULL);
	else if (r->verb->method && strcmp(r->verb->method, "GET") != 0 && strcmp(r->verb->method, "DELETE") != 0 && r->verb->arguments[0].name)
		out->body = json_object();
	if (r->verb->path)
		out->path = span_str(r->verb->path);
}

static enum err read_positional(struct reading *r, const char *word)
{
	int at = next_positional(r);

	if (at < VERB_MAX_ARGUMENTS)
		return put_value(r, at, word);
	note_set(r->why, "unexpected word '%.60s'", word);
	return ERR_SYNTAX;
}

enum err arguments_read(const struct verb *v, int argc, char **argv, struct arguments *out, struct note *why)
{
	struct reading r = { .verb = v, .out = out, .why = why };
	bool options = true; /* until "--" */
	enum err e = ERR_OK;

	start(&r);
	for (int i = 0, used = 1; i < argc && e == ERR_OK && !out->help; i += used) {
		used = 1;
		if (options && strcmp(argv[i], "--") == 0)
			options = false;
		else if (options && is_option(argv[i]))
			e = read_option_words(&r, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used);
		else
			e = read_positional(&r, argv[i]);
	}
	if (e == ERR_OK && !out->help)
		e = finish(&r);
	return e;
}

void arguments_clear(struct arguments *a)
{
	json_decref(a->body);
	arena_clear(&a->arena);
	*a = (struct arguments){ 0 };
}
