/* cli/arguments.c: reads the words behind a verb into a path and a JSON body. */
#include "daemon/cli/arguments.h"

#include <jansson.h>
#include <termios.h>
#include <unistd.h>

#include "daemon/base/buf.h"

#define DEFAULT_CONFIG "/etc/postroom/postroom.conf"
#define PASSWORD_MAX 4096

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

/* The first line of standard input; on a terminal asked for, without echo. */
static enum err read_password(struct buf *out, struct note *why)
{
	bool terminal = isatty(STDIN_FILENO);
	struct termios old, quiet;
	char c;

	if (terminal && tcgetattr(STDIN_FILENO, &old) == 0) {
		quiet = old;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		fputs("Password: ", stderr);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		buf_add_char(out, c);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		fputs("\n", stderr);
	}
	if (out->len > 0 && out->ptr[out->len - 1] == '\r')
		out->len--;
	if (out->failed || out->len == 0) {
		note_set(why, "no password came on standard input");
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
	else
		return note_set(r->why, "-o is table or json, not '%.40s'", word), ERR_SYNTAX;
	return ERR_OK;
}

/* *used: 1 for a flag, 2 for an option with its value. */
static enum err read_option(struct reading *r, const char *word, const char *value, int *used)
{
	int at = option_index(r->verb, word);
	bool takes_value = strcmp(word, "--config") == 0 || strcmp(word, "-o") == 0 || (at < VERB_MAX_ARGUMENTS && r->verb->arguments[at].value);

	*used = takes_value ? 2 : 1;
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		r->out->help = true;
		return ERR_OK;
	}
	if (takes_value && !value) {
		note_set(r->why, "%s needs a value", word);
		return ERR_SYNTAX;
	}
	if (strcmp(word, "--config") == 0) {
		r->out->config_path = value;
		return ERR_OK;
	}
	if (strcmp(word, "-o") == 0)
		return read_form(r, value);
	if (at == VERB_MAX_ARGUMENTS || r->given[at]) {
		note_set(r->why, at == VERB_MAX_ARGUMENTS ? "unknown option %.60s" : "%.60s is given twice", word);
		return ERR_SYNTAX;
	}
	if (r->verb->arguments[at].kind == ARGUMENT_PASSWORD) {
		r->given[at] = true; /* read last, when all else is right */
		return ERR_OK;
	}
	return put_value(r, at, value);
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
			note_set(r->why, "%s is missing", g->name);
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

enum err arguments_read(const struct verb *v, int argc, char **argv, struct arguments *out, struct note *why)
{
	struct reading r = { .verb = v, .out = out, .why = why };
	enum err e = ERR_OK;

	start(&r);
	for (int i = 0, used = 1; i < argc && e == ERR_OK && !out->help; i += used) {
		int at;

		used = 1;
		if (is_option(argv[i])) {
			e = read_option(&r, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used);
			continue;
		}
		at = next_positional(&r);
		if (at == VERB_MAX_ARGUMENTS) {
			note_set(why, "unexpected word '%.60s'", argv[i]);
			e = ERR_SYNTAX;
		} else {
			e = put_value(&r, at, argv[i]);
		}
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
