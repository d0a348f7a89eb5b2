/* directory/setting.h: the settings: one table says what there is; the values are part of the snapshot.
 *
 * What is needed to open the data and the ports stands in the configuration file instead; nothing stands in both.
 */
#ifndef POSTROOM_DIRECTORY_SETTING_H
#define POSTROOM_DIRECTORY_SETTING_H

#include "daemon/directory/directory.h"

enum setting_kind { SETTING_TEXT,
		    SETTING_NAME, /* a host name */
		    SETTING_NUMBER,
		    SETTING_FLAG };

enum setting {
	SETTING_HOSTNAME,
	SETTING_MESSAGE_SIZE_MAX,   /* bytes */
	SETTING_RECIPIENTS_MAX,     /* of one message */
	SETTING_QUEUE_DAYS,         /* until a message is given up */
	SETTING_QUEUE_NOTICE_HOURS, /* until the sender is told of a delay (4); 0: never */
	SETTING_SUPPRESSION_DAYS,   /* an address that failed for good is not tried again (30); 0: no list is kept */
	SETTING_RELAY_SOURCE_IPV4,  /* text; empty: as the kernel chooses. After the domain's own */
	SETTING_RELAY_SOURCE_IPV6,
	SETTING_SENDING_PER_HOUR,                 /* recipients outside, of one account; 0: no limit (1000) */
	SETTING_SENDING_PER_DAY,                  /* (5000) */
	SETTING_SENDING_NEW_PER_DAY,              /* written to for the first time (1000) */
	SETTING_BREAKER,                          /* flag: an account that sends as a stolen one does is stopped */
	SETTING_SMTP_CONNECTIONS_MAX,             /* port 25, at once (2000); after restart */
	SETTING_SMTP_CONNECTIONS_PER_ADDRESS_MAX, /* (50); after restart */
	SETTING_SMTP_COMMANDS_MAX,                /* of one session (10000) */
	SETTING_SMTP_ERRORS_MAX,                  /* of one session (10) */
	SETTING_SMTP_IDLE_SECONDS,                /* (300) */
	SETTING_SMTP_MESSAGE_SECONDS,             /* for the content of one message at SMTP_SLOW_BODY_BYTES_PER_S (600) */
	SETTING_SMTP_LINE_MAX,                    /* octets of a line of a message; 998 are lawful (RFC 5322 2.1.1), much is longer (262144) */
	SETTING_SMTP_GREETING_SECONDS,            /* a stranger who talks before the greeting is refused; 0: no wait (1); after restart */
	SETTING_DISK_RESERVE,                     /* bytes: with less than that and 1.5 messages, mail is put off (256 MiB) */
	SETTING_QUOTA_BYTES,                      /* of an account that has none of its own: more in its mailboxes refuses mail and what clients would add; 0: no limit (0) */
	SETTING_SERVER_COMMENT,                   /* what IMAP clients are told of the server; empty: nothing */
	SETTING_SERVER_ADMIN,                     /* URL by which its administrator is reached; empty: mail to the owner */
	SETTING_PASSWORD_LENGTH_MIN,              /* characters */
	SETTING_LOGIN_FAILURES_MAX,               /* of one account or network, until logins are refused for a time */
	SETTING_LOGIN_REFUSAL_MINUTES,
	SETTING_KNOWN_DEVICE_DAYS,
	SETTING_LOGIN_CHANNEL_BINDING, /* flag: SCRAM-SHA-256-PLUS is offered */
	SETTING_SESSION_IDLE_HOURS,
	SETTING_TOKEN_DAYS_MAX,
	SETTING_API_REQUESTS_PER_MINUTE, /* of one token or session */
	SETTING_TRACE_DAYS,
	SETTING_TRACE_SUBJECTS, /* flag: subjects are kept in the trace */
	SETTING_EVENT_HOURS,
	SETTING_AUDIT_DAYS_SHOWN,
	SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES, /* flag */
	SETTING_COUNT
};

struct setting_rule {
	const char *name; /* of the API: "message_size_max" */
	enum setting_kind kind;
	const char *fallback; /* the default, as text */
	int64_t min, max;     /* of numbers; of texts: their length in bytes */
	const char *unit;     /* "bytes", "days"...; null: none */
	const char *group;    /* "mail", "logins", "api", "records" */
	const char *help;     /* one line, under the label */
	const char *why;      /* two to four sentences: consequence, who enforces it */
	bool after_restart;   /* takes effect with the next start */
};
extern const struct setting_rule setting_rules[SETTING_COUNT];

bool setting_find(struct span name, enum setting *out);

int64_t snapshot_number(const struct snapshot *s, enum setting which); /* flags: 0 or 1 */
struct span snapshot_text(const struct snapshot *s, enum setting which);
bool snapshot_has_setting(const struct snapshot *s, enum setting which); /* false: the default holds */

/* Is that a value of it? *number_out: of numbers and flags. ERR_SYNTAX: not of the kind; ERR_LIMIT: out of range; `why` says what is allowed. */
enum err setting_parse(enum setting which, struct span value, int64_t *number_out, struct note *why) MUST_CHECK;

/* The same errors. ERR_STATE: the host name before there is one, and without one. */
enum err directory_setting_set(struct directory *d, enum setting which, struct span value, struct note *why) MUST_CHECK;
enum err directory_setting_reset(struct directory *d, enum setting which, struct note *why) MUST_CHECK;

#endif
