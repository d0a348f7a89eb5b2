/* directory/setting.c: the table of the settings, and changing them.
 *
 * A setting is stored as text under its name; what is not stored has the default of the table. The host name is the one that has no default: that it
 * is there means that the server is set up.
 */
#include "daemon/directory/setting.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/directory/change.h"
#include "daemon/mime/address.h"
#include "db/control_setting.h"

#define NAME_MEMORY_MAX 16384
#define MIB (1024 * 1024)

const struct setting_rule setting_rules[SETTING_COUNT] = {
	[SETTING_HOSTNAME] = {
		.name = "hostname",
		.kind = SETTING_NAME,
		.fallback = "",
		.min = 1,
		.max = ADDRESS_DOMAIN_MAX,
		.group = "mail",
		.help = "The name under which this server is reached and introduces itself.",
		.why = "Other servers compare it with the DNS: it should have an address record, and the address a reverse record that leads back to it. "
		       "Phones and mail programs connect to it, so the certificate has to carry it. Change it only together with the DNS.",
	},
	[SETTING_MESSAGE_SIZE_MAX] = {
		.name = "message_size_max",
		.kind = SETTING_NUMBER,
		.fallback = "52428800",
		.min = 65536,
		.max = 512 * (int64_t)MIB,
		.unit = "bytes",
		.group = "mail",
		.help = "The largest message that is taken, attachments included.",
		.why = "Attachments grow by a third on their way, so 50 MiB carry about 37 MiB of files. The server announces the limit and refuses what is larger before it is sent. "
		       "Other servers have limits of their own, often 25 MiB: a larger value here does not make them take more.",
	},
	[SETTING_RECIPIENTS_MAX] = {
		.name = "recipients_max",
		.kind = SETTING_NUMBER,
		.fallback = "1000",
		.min = 100,
		.max = 1000,
		.unit = "recipients",
		.group = "mail",
		.help = "How many recipients one message may have.",
		.why = "A stolen password is used to send to as many people as possible; a lower limit slows that down. "
		       "RFC 5321 wants at least 100. A sender who has more is told to send the rest as a second message, which mail programs do by themselves.",
	},
	[SETTING_QUEUE_DAYS] = {
		.name = "queue_days",
		.kind = SETTING_NUMBER,
		.fallback = "5",
		.min = 1,
		.max = 14,
		.unit = "days",
		.group = "mail",
		.help = "How long a message is tried before it is given up and the sender told.",
		.why = "A server at the other end that is down over a weekend gets its mail when it is back. RFC 5321 recommends four to five days. "
		       "With fewer days senders hear sooner of an address that does not work. It counts for messages that are accepted from now on.",
	},
	[SETTING_PASSWORD_LENGTH_MIN] = {
		.name = "password_length_min",
		.kind = SETTING_NUMBER,
		.fallback = "8",
		.min = 8,
		.max = 64,
		.unit = "characters",
		.group = "logins",
		.help = "How long a new password has to be.",
		.why = "Length is what makes a password hard to guess; rules about signs and digits only make it hard to remember. "
		       "It is checked when a password is set. Passwords that exist, and imported hashes, stay as they are.",
	},
	[SETTING_LOGIN_FAILURES_MAX] = {
		.name = "login_failures_max",
		.kind = SETTING_NUMBER,
		.fallback = "10",
		.min = 3,
		.max = 1000,
		.unit = "failures",
		.group = "logins",
		.help = "How many failed logins of one account or network lead to a refusal.",
		.why = "Each failure already makes the next answer slower; from this number on logins are refused for a time. "
		       "A network from which the account has logged in before is still let in, so that an attacker cannot lock its owner out. Refusals can be seen and lifted.",
	},
	[SETTING_LOGIN_REFUSAL_MINUTES] = {
		.name = "login_refusal_minutes",
		.kind = SETTING_NUMBER,
		.fallback = "15",
		.min = 1,
		.max = 1440,
		.unit = "minutes",
		.group = "logins",
		.help = "How long logins are refused after too many failures.",
		.why = "Even a short time takes the profit from guessing. A long one hits people whose phone keeps trying an old password: "
		       "it has to be corrected there, and the refusal lifted or waited for.",
	},
	[SETTING_KNOWN_DEVICE_DAYS] = {
		.name = "known_device_days",
		.kind = SETTING_NUMBER,
		.fallback = "90",
		.min = 1,
		.max = 730,
		.unit = "days",
		.group = "logins",
		.help = "How long a network is remembered from which an account has logged in.",
		.why = "A known network gets in while its account is under attack from elsewhere. "
		       "A login from one that is not known raises the event login.new_device. Each login from a known one begins the time anew.",
	},
	[SETTING_LOGIN_CHANNEL_BINDING] = {
		.name = "login_channel_binding",
		.kind = SETTING_FLAG,
		.fallback = "true",
		.max = 1,
		.group = "logins",
		.help = "Whether mail programs may tie their login to the TLS connection.",
		.why = "With it (SCRAM-SHA-256-PLUS) a login is worth nothing to somebody in the middle, whatever certificate they show. "
		       "A few programs choose it and cannot do it, and then fail to send: mutt 2.2 is one, where smtp_authenticators is not set. Switched off, they log in by SCRAM without it.",
	},
	[SETTING_SESSION_IDLE_HOURS] = {
		.name = "session_idle_hours",
		.kind = SETTING_NUMBER,
		.fallback = "12",
		.min = 1,
		.max = 720,
		.unit = "hours",
		.group = "logins",
		.help = "When a browser session that is not used ends.",
		.why = "A browser left open in a shared room stays logged in until then. "
		       "Secrets, tokens and roles ask for the password again after five minutes in any case.",
	},
	[SETTING_TOKEN_DAYS_MAX] = {
		.name = "token_days_max",
		.kind = SETTING_NUMBER,
		.fallback = "366",
		.min = 0,
		.max = 3660,
		.unit = "days",
		.group = "api",
		.help = "How long a new API token may be valid; 0: also without an end.",
		.why = "A token in a forgotten script works until it runs out. "
		       "It is checked when a token is made. Tokens that exist keep the end that they were given.",
	},
	[SETTING_API_REQUESTS_PER_MINUTE] = {
		.name = "api_requests_per_minute",
		.kind = SETTING_NUMBER,
		.fallback = "600",
		.min = 30,
		.max = 60000,
		.unit = "requests",
		.group = "api",
		.help = "How many API requests one token or session may make in a minute.",
		.why = "A script that runs wild cannot slow down the panel for others. Above the limit the answer is 429 with the time to wait. "
		       "The command line on this machine is exempt.",
	},
	[SETTING_TRACE_DAYS] = {
		.name = "trace_days",
		.kind = SETTING_NUMBER,
		.fallback = "30",
		.min = 1,
		.max = 366,
		.unit = "days",
		.group = "records",
		.help = "How long it is kept what happened to each message.",
		.why = "It answers where a message went: when it came, from where, and what the other server said. "
		       "It names senders and recipients, so keep it no longer than you need it. A busy server writes about 1 KiB a message.",
	},
	[SETTING_TRACE_SUBJECTS] = {
		.name = "trace_subjects",
		.kind = SETTING_FLAG,
		.fallback = "true",
		.max = 1,
		.group = "records",
		.help = "Whether subjects are kept with what happened to a message.",
		.why = "With it administrators find a message by its subject. Subjects can tell a lot, and everybody who may read the trace sees them. "
		       "Switched off, those of new messages are not kept; old ones go with their days.",
	},
	[SETTING_EVENT_HOURS] = {
		.name = "event_hours",
		.kind = SETTING_NUMBER,
		.fallback = "24",
		.min = 1,
		.max = 168,
		.unit = "hours",
		.group = "records",
		.help = "How long events are kept for watchers and webhooks that come back.",
		.why = "A program that was away asks for all since the last event that it has seen. "
		       "Within this time it misses nothing; after it, it is told that events are lost.",
	},
	[SETTING_AUDIT_DAYS_SHOWN] = {
		.name = "audit_days_shown",
		.kind = SETTING_NUMBER,
		.fallback = "366",
		.min = 30,
		.max = 3660,
		.unit = "days",
		.group = "records",
		.help = "How far back the audit log is shown.",
		.why = "The log itself is never shortened: its entries are chained, and each one proves those before it. "
		       "Older entries are only left out of the lists.",
	},
	[SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES] = {
		.name = "webhooks_to_private_addresses",
		.kind = SETTING_FLAG,
		.fallback = "false",
		.max = 1,
		.group = "api",
		.help = "Whether webhooks may be sent to addresses of the own network.",
		.why = "Whoever may set up a webhook could use this server to reach machines behind the firewall, so private, local and link-local addresses are refused. "
		       "Switch it on only when the receiver stands in the own network and you trust everybody who may set up webhooks.",
	},
};

bool setting_find(struct span name, enum setting *out)
{
	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		if (span_equals(name, span_str(setting_rules[i].name))) {
			*out = i;
			return true;
		}
	}
	return false;
}

static enum err parse_number(const struct setting_rule *rule, struct span value, int64_t *out, struct note *why)
{
	uint64_t number = 0;
	enum err e = span_to_u64(value, INT64_MAX, &number);

	if (!e && ((int64_t)number < rule->min || (int64_t)number > rule->max))
		e = ERR_LIMIT;
	if (e)
		note_set(why, "%s is a number from %" PRId64 " to %" PRId64, rule->name, rule->min, rule->max);
	*out = (int64_t)number;
	return e;
}

static enum err parse_flag(const struct setting_rule *rule, struct span value, int64_t *out, struct note *why)
{
	*out = span_equals(value, SPAN("true"));
	if (*out || span_equals(value, SPAN("false")))
		return ERR_OK;
	note_set(why, "%s is true or false", rule->name);
	return ERR_SYNTAX;
}

static enum err parse_text(const struct setting_rule *rule, struct span value, struct note *why)
{
	if (!span_is_utf8(value) || (value.len && memchr(value.ptr, '\0', value.len))) {
		note_set(why, "%s is UTF-8 text", rule->name);
		return ERR_SYNTAX;
	}
	if ((int64_t)value.len < rule->min || (int64_t)value.len > rule->max) {
		note_set(why, "%s has %" PRId64 " to %" PRId64 " bytes", rule->name, rule->min, rule->max);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

/* `a` holds the normal form. */
static enum err parse_name(const struct setting_rule *rule, struct span value, struct arena *a, struct span *out, struct note *why)
{
	enum err e = value.len > ADDRESS_MAX * 4 ? ERR_LIMIT : address_domain_normal(value, a, out);

	if (e)
		note_set(why, "%s is a host name", rule->name);
	return e;
}

enum err setting_parse(enum setting which, struct span value, int64_t *number_out, struct note *why)
{
	const struct setting_rule *rule = &setting_rules[which];
	struct span normal;
	struct arena a;
	enum err e = ERR_SYNTAX;

	*number_out = 0;
	switch (rule->kind) {
	case SETTING_TEXT: return parse_text(rule, value, why);
	case SETTING_NUMBER: return parse_number(rule, value, number_out, why);
	case SETTING_FLAG: return parse_flag(rule, value, number_out, why);
	case SETTING_NAME:
		arena_init(&a, NAME_MEMORY_MAX);
		e = parse_name(rule, value, &a, &normal, why);
		arena_clear(&a);
		return e;
	}
	return e;
}

struct setting_change {
	enum setting which;
	struct span value;
};

/* Whether there is one says whether the server is set up: directory_setup() alone brings it, nothing takes it away. */
static enum err keep_hostname(struct directory *d, enum setting which, struct note *why)
{
	struct buf there;
	enum err e;

	if (which != SETTING_HOSTNAME)
		return ERR_OK;
	buf_init(&there, ADDRESS_MAX);
	e = db_setting_get(d->db, SPAN("hostname"), &there);
	buf_clear(&there);
	if (e != ERR_NOT_FOUND)
		return e;
	note_set(why, "the server is not set up yet");
	return ERR_STATE;
}

static enum err run_set(struct directory *d, void *arg, struct note *why)
{
	const struct setting_change *c = arg;
	enum err e = keep_hostname(d, c->which, why);

	return e ? e : db_setting_set(d->db, span_str(setting_rules[c->which].name), c->value);
}

enum err directory_setting_set(struct directory *d, enum setting which, struct span value, struct note *why)
{
	const struct setting_rule *rule = &setting_rules[which];
	struct setting_change c = { which, value };
	char digits[24];
	struct arena a;
	int64_t number;
	enum err e = setting_parse(which, value, &number, why);

	if (e)
		return e;
	arena_init(&a, NAME_MEMORY_MAX);
	if (rule->kind == SETTING_NAME) {
		e = parse_name(rule, value, &a, &c.value, why);
	} else if (rule->kind == SETTING_NUMBER) {
		/* Without leading zeros. */
		(void)snprintf(digits, sizeof(digits), "%" PRId64, number);
		c.value = span_str(digits);
	}
	if (!e)
		e = directory_change(d, run_set, &c, why);
	arena_clear(&a);
	return e;
}

static enum err run_reset(struct directory *d, void *arg, struct note *why)
{
	const struct setting_change *c = arg;

	(void)why;
	return db_setting_remove(d->db, span_str(setting_rules[c->which].name));
}

enum err directory_setting_reset(struct directory *d, enum setting which, struct note *why)
{
	struct setting_change c = { .which = which };

	if (which == SETTING_HOSTNAME) {
		note_set(why, "the host name has no default");
		return ERR_STATE;
	}
	return directory_change(d, run_reset, &c, why);
}
