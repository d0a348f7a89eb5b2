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
	[SETTING_QUEUE_NOTICE_HOURS] = {
		.name = "queue_notice_hours",
		.kind = SETTING_NUMBER,
		.fallback = "4",
		.min = 0,
		.max = 72,
		.unit = "hours",
		.group = "mail",
		.help = "After how many hours of trying a sender is told that a message is late; 0: never.",
		.why = "The message stays in the queue and is tried further; the sender hears of it once, and again only when it is given up. "
		       "Mail programs can ask not to be told (NOTIFY of RFC 3461), which is respected. With 0 nobody hears anything before the message is given up.",
	},
	[SETTING_SUPPRESSION_DAYS] = {
		.name = "suppression_days",
		.kind = SETTING_NUMBER,
		.fallback = "30",
		.min = 0,
		.max = 366,
		.unit = "days",
		.group = "mail",
		.help = "How long an address that does not exist is not tried again; 0: no list is kept.",
		.why = "Who goes on writing to addresses that do not exist looks like a sender of spam to other servers. An address that failed for good is put on a list, and the next message to it fails at once, with the words of then. "
		       "Entries can be seen and taken off the list at any time.",
	},
	[SETTING_RELAY_SOURCE_IPV4] = {
		.name = "relay_source_ipv4",
		.kind = SETTING_TEXT,
		.fallback = "",
		.max = 15,
		.group = "mail",
		.help = "The IPv4 address from which mail leaves; empty: the system chooses.",
		.why = "On a server with several addresses other servers should always see the one whose reverse record leads to the host name and that is in the SPF record. "
		       "It has to be an address of this machine, or nothing leaves over IPv4. A domain can have one of its own, which comes first.",
	},
	[SETTING_RELAY_SOURCE_IPV6] = {
		.name = "relay_source_ipv6",
		.kind = SETTING_TEXT,
		.fallback = "",
		.max = 45,
		.group = "mail",
		.help = "The IPv6 address from which mail leaves; empty: the system chooses.",
		.why = "A machine often has several IPv6 addresses, some of which change; other servers should see the one with a reverse record. "
		       "It has to be an address of this machine, or nothing leaves over IPv6. A domain can have one of its own, which comes first.",
	},
	[SETTING_SENDING_PER_HOUR] = {
		.name = "sending_per_hour",
		.kind = SETTING_NUMBER,
		.fallback = "1000",
		.min = 0,
		.max = 1000000,
		.unit = "recipients",
		.group = "mail",
		.help = "To how many recipients outside an account may send in an hour; 0: no limit.",
		.why = "A stolen password is used to send as much as possible before somebody notices; the limit protects the name of this server with others. "
		       "Who is above it is told to try again later, which mail programs do by themselves. Mail among the users here does not count, nor does mail from this machine and trusted networks. An account can have a limit of its own.",
	},
	[SETTING_SENDING_PER_DAY] = {
		.name = "sending_per_day",
		.kind = SETTING_NUMBER,
		.fallback = "5000",
		.min = 0,
		.max = 10000000,
		.unit = "recipients",
		.group = "mail",
		.help = "To how many recipients outside an account may send in a day; 0: no limit.",
		.why = "It stops who stays just below the limit of an hour. A newsletter goes to more people than that: give the account that sends it a limit of its own. "
		       "Mail among the users here does not count, nor does mail from this machine and trusted networks.",
	},
	[SETTING_SENDING_NEW_PER_DAY] = {
		.name = "sending_new_per_day",
		.kind = SETTING_NUMBER,
		.fallback = "1000",
		.min = 0,
		.max = 10000000,
		.unit = "recipients",
		.group = "mail",
		.help = "To how many recipients an account may write for the first time in a day; 0: no limit.",
		.why = "People write to the same people again; a thief writes to strangers. So this limit can be low without anybody noticing it. "
		       "Recipients are known from the first message that they were sent. Mail from this machine and trusted networks does not count.",
	},
	[SETTING_BREAKER] = {
		.name = "breaker",
		.kind = SETTING_FLAG,
		.fallback = "true",
		.max = 1,
		.group = "mail",
		.help = "Whether an account that sends as a stolen one does is stopped.",
		.why = "Much mail at once, many recipients who do not exist, and many who were never written to before are how a stolen account shows itself. Its mail is then held and an event raised; reading mail goes on. "
		       "One call releases the held mail or deletes it. Switched off, only the limits hold it back.",
	},
	[SETTING_SMTP_CONNECTIONS_MAX] = {
		.name = "smtp_connections_max",
		.kind = SETTING_NUMBER,
		.fallback = "2000",
		.min = 10,
		.max = 20000,
		.unit = "connections",
		.group = "mail",
		.help = "How many connections port 25 serves at once.",
		.why = "Above it new ones are told to come back later, and other servers do. Each one costs some memory and one or two descriptors, so a small machine may want fewer. "
		       "The ports of your users have places of their own: a flood on port 25 does not take them.",
		.after_restart = true,
	},
	[SETTING_SMTP_CONNECTIONS_PER_ADDRESS_MAX] = {
		.name = "smtp_connections_per_address_max",
		.kind = SETTING_NUMBER,
		.fallback = "50",
		.min = 1,
		.max = 10000,
		.unit = "connections",
		.group = "mail",
		.help = "How many connections to port 25 one address may have at once.",
		.why = "So that nobody alone takes all places. Of IPv6 a network of 64 bits counts as one address. Large providers send over many connections, but from many addresses, too. "
		       "Trusted networks are exempt.",
		.after_restart = true,
	},
	[SETTING_SMTP_COMMANDS_MAX] = {
		.name = "smtp_commands_max",
		.kind = SETTING_NUMBER,
		.fallback = "10000",
		.min = 100,
		.max = 1000000,
		.unit = "commands",
		.group = "mail",
		.help = "How many commands that lead to no message one session may give.",
		.why = "A session that goes on asking and brings no mail is a machine that guesses names or only wants to keep the place. It is told to come back later and closed. "
		       "An accepted message sets the count back, so no honest sender gets there.",
	},
	[SETTING_SMTP_ERRORS_MAX] = {
		.name = "smtp_errors_max",
		.kind = SETTING_NUMBER,
		.fallback = "10",
		.min = 1,
		.max = 1000,
		.unit = "errors",
		.group = "mail",
		.help = "How many errors of one session are answered until it is closed.",
		.why = "Commands that do not exist, come at the wrong time or cannot be read come from broken programs and from people who try things out. The session is closed with a temporary reply: a message that it still has is sent again later.",
	},
	[SETTING_SMTP_IDLE_SECONDS] = {
		.name = "smtp_idle_seconds",
		.kind = SETTING_NUMBER,
		.fallback = "300",
		.min = 10,
		.max = 3600,
		.unit = "seconds",
		.group = "mail",
		.help = "How long a session may be silent until it is closed.",
		.why = "RFC 5321 wants five minutes, and slow servers need them. A shorter time frees places on a server that is flooded, and loses mail of those who are slow.",
	},
	[SETTING_SMTP_MESSAGE_SECONDS] = {
		.name = "smtp_message_seconds",
		.kind = SETTING_NUMBER,
		.fallback = "600",
		.min = 60,
		.max = 86400,
		.unit = "seconds",
		.group = "mail",
		.help = "How long the content of a message may take before it also has to come at a fair pace.",
		.why = "Somebody who sends one byte now and then would hold a place for days. After this time a message has to have come at 100 bytes a second or more, or the session is closed. "
		       "Honest slow lines are faster than that by far.",
	},
	[SETTING_SMTP_LINE_MAX] = {
		.name = "smtp_line_max",
		.kind = SETTING_NUMBER,
		.fallback = "262144",
		.min = 1000,
		.max = 1048576,
		.unit = "bytes",
		.group = "mail",
		.help = "The longest line of a message that is taken.",
		.why = "RFC 5322 allows 998 characters, but programs that do not know it send longer ones, so much more is taken. Longer lines are refused, never cut: a cut would break signatures. "
		       "Where another server takes only short lines, the message is re-encoded for it.",
	},
	[SETTING_SMTP_GREETING_SECONDS] = {
		.name = "smtp_greeting_seconds",
		.kind = SETTING_NUMBER,
		.fallback = "1",
		.min = 0,
		.max = 30,
		.unit = "seconds",
		.group = "mail",
		.help = "How long a stranger waits for the greeting of port 25; who talks before it is refused. 0: no wait.",
		.why = "Mail servers wait for the greeting, as RFC 5321 wants it; programs that only send spam often do not. A second is enough to tell them apart and delays nobody's mail noticeably. "
		       "Trusted networks and this machine are greeted at once.",
		.after_restart = true,
	},
	[SETTING_DISK_RESERVE] = {
		.name = "disk_reserve",
		.kind = SETTING_NUMBER,
		.fallback = "268435456",
		.min = 0,
		.max = 1099511627776,
		.unit = "bytes",
		.group = "mail",
		.help = "How much space has to stay free on the disk, beside one and a half messages of the largest size.",
		.why = "With less, new mail is put off with a temporary reply: other servers keep it and try again. Reading, deleting and this panel go on working, for which they need some space themselves. "
		       "Free space or delete mail, and what was put off arrives by itself.",
	},
	[SETTING_QUOTA_BYTES] = {
		.name = "quota_bytes",
		.kind = SETTING_NUMBER,
		.fallback = "0",
		.min = 0,
		.max = QUOTA_BYTES_MAX,
		.unit = "bytes",
		.group = "mail",
		.help = "How much the mailbox of an account may hold; 0: no limit.",
		.why = "Mail to an account whose mailbox is full is put off with a temporary reply: other servers keep it and try again for some days. Deleting something makes room; nothing that was accepted is lost. "
		       "The account itself reads and moves its mail as before; what its mail programs would add is refused. An account can have a quota of its own, also none.",
	},
	[SETTING_SERVER_COMMENT] = {
		.name = "server_comment",
		.kind = SETTING_TEXT,
		.fallback = "",
		.max = 1000,
		.group = "mail",
		.help = "A text about this server that mail programs can ask for and show; empty: none.",
		.why = "IMAP clients read it as /shared/comment of the server (RFC 5464). Every account can read it and none can change it from a mail program. "
		       "Write what your people should know: where help is found, when the server is looked after.",
	},
	[SETTING_SERVER_ADMIN] = {
		.name = "server_admin",
		.kind = SETTING_TEXT,
		.fallback = "",
		.max = 1000,
		.group = "mail",
		.help = "A URL by which the administrators are reached, such as mailto:help@example.org or https://example.org/help; empty: mail to the owner.",
		.why = "IMAP clients read it as /shared/admin of the server (RFC 5464) and can offer it to people who look for help. "
		       "Without it they are sent to the owner's address, which every account can read then.",
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

/* Empty, or an address of that family. */
static enum err parse_source(const struct setting_rule *rule, enum net_family family, struct span value, struct note *why)
{
	struct net_addr ip;

	if (value.len == 0 || (value.len <= (size_t)rule->max && net_ip_parse(value, &ip) == ERR_OK && ip.family == family))
		return ERR_OK;
	note_set(why, "%s is an IPv%d address, or empty", rule->name, family == NET_IPV4 ? 4 : 6);
	return ERR_SYNTAX;
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
	case SETTING_TEXT:
		if (which == SETTING_RELAY_SOURCE_IPV4 || which == SETTING_RELAY_SOURCE_IPV6)
			return parse_source(rule, which == SETTING_RELAY_SOURCE_IPV4 ? NET_IPV4 : NET_IPV6, value, why);
		return parse_text(rule, value, why);
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
