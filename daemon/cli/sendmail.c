/* cli/sendmail.c: hands mail in over submit.sock; the server knows by the socket who we are.
 *
 * A message goes to all of its recipients or to none: one that is refused by name is said at once, and nobody else gets it.
 */
#include "daemon/cli/sendmail.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "daemon/cli/cell.h"
#include "daemon/cli/run.h"
#include "daemon/cli/sendmail_client.h"
#include "daemon/cli/sendmail_options.h"
#include "daemon/cli/sendmail_pipe.h"
#include "daemon/mime/address.h"
#include "daemon/ops/config.h"

#define DEFAULT_CONFIG "/etc/postroom/postroom.conf"
#define DEFAULT_SOCKET "/run/postroom/submit.sock"
#define DEFAULT_ADMIN_SOCKET "/run/postroom/admin.sock"
#define COMMAND_MAX 2048
#define NAME_MAX_BYTES 256

static const char *base_name(const char *program)
{
	const char *slash = strrchr(program, '/');

	return slash ? slash + 1 : program;
}

bool sendmail_is_name(const char *program)
{
	const char *name = base_name(program);

	return strcmp(name, "sendmail") == 0 || strcmp(name, "mailq") == 0 || strcmp(name, "newaliases") == 0;
}

static int say(int status, const char *words)
{
	fprintf(stderr, "sendmail: %s\n", words);
	return status;
}

/* A server's words pass through here to a terminal. */
static int say_refused(int status, struct span what, const char *words)
{
	struct buf text;

	buf_init(&text, CELL_MAX);
	cell_clean(&text, what);
	buf_add_str(&text, ": ");
	cell_clean(&text, span_str(words));
	fprintf(stderr, "sendmail: %.*s\n", (int)text.len, text.ptr ? text.ptr : "");
	buf_clear(&text);
	return status;
}

/* What a refusal means to the calling program (sysexits.h). */
static int exit_of_reply(const struct sendmail_client *c)
{
	if (c->code < 500)
		return EX_TEMPFAIL;
	if (strncmp(c->words, "5.1.", 4) == 0 || strncmp(c->words, "5.2.", 4) == 0)
		return EX_NOUSER;
	if (strncmp(c->words, "5.7.", 4) == 0)
		return EX_NOPERM;
	return strncmp(c->words, "5.6.", 4) == 0 || strncmp(c->words, "5.3.4", 5) == 0 ? EX_DATAERR : EX_UNAVAILABLE;
}

/* ---- who sends ---- */

/* -f as it was said, whole; "<>" and "" are the null path. ERR_SYNTAX: no address. */
static enum err find_sender(struct arena *a, const struct sendmail_home *home, const char *said, struct span *out)
{
	struct header_address *list;
	size_t count;
	enum err e;

	*out = home->sender;
	if (!said)
		return ERR_OK;
	if (said[0] == '\0' || strcmp(said, "<>") == 0) {
		*out = SPAN("");
		return ERR_OK;
	}
	e = address_list_parse_strict(span_str(said), a, &list, &count);
	if (e != ERR_OK || count != 1 || list[0].local.len == 0)
		return ERR_SYNTAX;
	*out = sendmail_qualify(a, home, list[0].local, list[0].domain, true);
	return out->len > 0 ? ERR_OK : ERR_SYNTAX;
}

/* The full name for a From that is missing: -F, NAME, or that of passwd(5). */
static struct span find_name(const char *said)
{
	static char name[NAME_MAX_BYTES];
	const struct passwd *login;

	if (!said)
		said = getenv("NAME");
	if (!said) {
		login = getpwuid(getuid());
		snprintf(name, sizeof name, "%.*s", login ? (int)strcspn(login->pw_gecos, ",") : 0, login ? login->pw_gecos : "");
	} else {
		snprintf(name, sizeof name, "%s", said);
	}
	for (char *p = name; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	return span_is_utf8(span_str(name)) ? span_trim(span_str(name)) : SPAN("");
}

/* ---- the dialogue ---- */

static bool has_high_bytes(struct span text)
{
	return !span_is_ascii(text);
}

static bool needs_utf8(const struct sendmail_message *m, struct span sender)
{
	bool needs = has_high_bytes(sender) || has_high_bytes(buf_span(&m->header));

	for (size_t i = 0; i < m->recipient_count; i++)
		needs = needs || has_high_bytes(m->recipients[i].address);
	return needs;
}

static enum err ask_for(struct sendmail_client *c, const char *verb, struct span path, const char *parameters, struct note *why)
{
	struct buf command;
	enum err e;

	buf_init(&command, COMMAND_MAX);
	buf_addf(&command, "%s:<%.*s>%s", verb, (int)path.len, path.ptr, parameters);
	e = command.failed ? ERR_SYNTAX : sendmail_client_ask(c, buf_span(&command), why);
	buf_clear(&command);
	return e;
}

/* A login without a mailbox of its own (root, www-data): its mail is the postmaster's. */
static enum err ask_recipient(struct sendmail_client *c, const struct sendmail_recipient *r, struct note *why)
{
	char login[NAME_MAX_BYTES], postmaster[NAME_MAX_BYTES + 16];
	enum err e = ask_for(c, "RCPT TO", r->address, "", why);

	if (e != ERR_OK || c->code != 550 || strncmp(c->words, "5.1.1", 5) != 0 || r->login.len == 0 || r->login.len >= sizeof login)
		return e;
	snprintf(login, sizeof login, "%.*s", (int)r->login.len, r->login.ptr);
	if (!getpwnam(login))
		return e;
	snprintf(postmaster, sizeof postmaster, "postmaster@%s", c->origin);
	return ask_for(c, "RCPT TO", span_str(postmaster), "", why);
}

static const char *parameters_of(const struct sendmail_message *m, struct span sender)
{
	if (needs_utf8(m, sender))
		return " BODY=8BITMIME SMTPUTF8";
	return has_high_bytes(m->body) ? " BODY=8BITMIME" : "";
}

/* Sender and recipients. *status_out: what to end with, each refusal being said. */
static enum err talk_envelope(struct sendmail_client *c, const struct sendmail_message *m, struct span sender, int *status_out, struct note *why)
{
	enum err e = ask_for(c, "MAIL FROM", sender, parameters_of(m, sender), why);

	if (e == ERR_OK && c->code != 250)
		*status_out = say_refused(exit_of_reply(c), sender, c->words);
	for (size_t i = 0; i < m->recipient_count && e == ERR_OK && (i > 0 || *status_out == EX_OK); i++) {
		e = ask_recipient(c, &m->recipients[i], why);
		if (e == ERR_OK && c->code != 250)
			*status_out = say_refused(exit_of_reply(c), m->recipients[i].address, c->words);
	}
	return e;
}

static int talk(struct sendmail_client *c, struct sendmail_message *m, struct span sender, struct note *why)
{
	int status = EX_OK;
	enum err e = talk_envelope(c, m, sender, &status, why);

	if (e == ERR_OK && status != EX_OK)
		return status;
	if (e == ERR_OK)
		e = sendmail_client_ask(c, SPAN("DATA"), why);
	if (e == ERR_OK && c->code == 354)
		e = sendmail_client_send(c, buf_span(&m->header), m->body, why);
	if (e != ERR_OK)
		return say(EX_TEMPFAIL, why->text);
	return c->code == 250 ? EX_OK : say_refused(exit_of_reply(c), SPAN("the message was refused"), c->words);
}

/* ---- sending ---- */

static int unreached(enum err e, const char *path, const struct note *why)
{
	fprintf(stderr, "sendmail: %s\n", why->text);
	if (e == ERR_NOT_FOUND)
		fprintf(stderr, "sendmail: the mail service does not run (nobody listens at %s); try again later\n", path);
	return EX_TEMPFAIL;
}

static int deliver(const struct sendmail_options *o, struct sendmail_message *m, struct sendmail_client *c)
{
	struct note why = { "" };
	struct span sender;
	enum err e = find_sender(&m->arena, &c->home, o->sender, &sender);

	if (e != ERR_OK)
		return say(EX_USAGE, "-f: not an address");
	for (size_t i = 0; i < o->recipient_count; i++) {
		e = sendmail_message_add_recipients(m, &c->home, span_str(o->recipients[i]));
		if (e != ERR_OK)
			return say_refused(e == ERR_LIMIT ? EX_DATAERR : EX_USAGE, span_str(o->recipients[i]), e == ERR_LIMIT ? "too many recipients" : "not an address");
	}
	e = sendmail_message_prepare(m, &c->home, o->from_header, sender, find_name(o->name));
	if (e != ERR_OK)
		return say(EX_DATAERR, e == ERR_DENIED ? "the header names a recipient that is no address" : "the header is too long, or has too many recipients");
	if (m->recipient_count == 0)
		return say(EX_USAGE, o->from_header ? "no recipients in To, Cc or Bcc" : "no recipients: name some, or give -t");
	return talk(c, m, sender, &why);
}

static int send_message(const struct sendmail_options *o, const char *path)
{
	struct note why = { "" };
	struct sendmail_message m;
	struct sendmail_client c = { .code = 0 };
	int status = EX_OK;
	enum err e;

	if (o->recipient_count == 0 && !o->from_header)
		return say(EX_USAGE, "no recipients: name some, or give -t");
	sendmail_message_init(&m);
	e = sendmail_message_read(&m, stdin, o->ignore_dots);
	if (e != ERR_OK)
		status = say(e == ERR_LIMIT ? EX_DATAERR : EX_IOERR, e == ERR_LIMIT ? "the message is too large" : "standard input could not be read");
	if (status == EX_OK) {
		e = sendmail_client_open(&c, path, &why);
		status = e == ERR_OK ? deliver(o, &m, &c) : unreached(e, path, &why);
	}
	sendmail_client_close(&c);
	sendmail_message_clear(&m);
	return status;
}

/* ---- what is not sending ---- */

/* The queue is the administrator's: our admin socket is not for others. */
static int ask_queue(const char *config, const char *admin_socket, const char *verb)
{
	char *words[] = { (char *)(uintptr_t) "queue", (char *)(uintptr_t)verb, (char *)(uintptr_t) "--config", (char *)(uintptr_t)config, (char *)(uintptr_t) "--yes" };
	struct note why = { "" };
	struct arguments a;
	int status;

	if (access(admin_socket, F_OK) == 0 && access(admin_socket, W_OK) != 0)
		return say(EX_NOPERM, "the queue is for root and the mail service's user to see");
	if (arguments_find(5, words, &a, &why) != ERR_OK || !a.verb || arguments_read(&a, &why) != ERR_OK)
		status = say(EX_SOFTWARE, why.text);
	else
		status = a.verb->kind == VERB_LIST ? run_list(&a) : run_api(&a);
	arguments_clear(&a);
	return status;
}

static int run_mode(const struct sendmail_options *o, const char *path, const char *admin_socket)
{
	const char *config = o->config ? o->config : DEFAULT_CONFIG;

	switch (o->mode) {
	case SENDMAIL_SEND: return send_message(o, path);
	case SENDMAIL_SMTP: return sendmail_pipe(path);
	case SENDMAIL_LIST: return ask_queue(config, admin_socket, "ls");
	case SENDMAIL_FLUSH: return ask_queue(config, admin_socket, "flush");
	case SENDMAIL_ALIASES:
		puts("Aliases are in the mail service's database and hold at once: there is no file to rebuild (postroom alias ls).");
		return EX_OK;
	case SENDMAIL_DAEMON: return say(EX_USAGE, "the service is started by systemctl start postroom, or postroom serve");
	case SENDMAIL_UNKNOWN: fprintf(stderr, "sendmail: -b%c is not supported\n", o->unknown_mode); return EX_USAGE;
	}
	return EX_SOFTWARE;
}

int sendmail_run(int argc, char **argv)
{
	struct sendmail_options o;
	struct note why = { "" };
	struct config config = { 0 };
	const char *path = DEFAULT_SOCKET, *admin_socket = DEFAULT_ADMIN_SOCKET, *name = base_name(argv[0]);
	int status;

	if (sendmail_options_read(argc, argv, &o, &why) != ERR_OK)
		return say(EX_USAGE, why.text);
	if (strcmp(name, "mailq") == 0)
		o.mode = SENDMAIL_LIST;
	else if (strcmp(name, "newaliases") == 0)
		o.mode = SENDMAIL_ALIASES;
	/* A configuration that this user may not read leaves the usual place. One that was named must be good. */
	if (config_read(o.config ? o.config : DEFAULT_CONFIG, &config, &why) == ERR_OK) {
		path = config_path(&config, config.run_dir, "submit.sock");
		admin_socket = config_path(&config, config.run_dir, "admin.sock");
	} else if (o.config) {
		return say(EX_CONFIG, why.text);
	}
	status = run_mode(&o, path, admin_socket);
	config_clear(&config);
	return status;
}
