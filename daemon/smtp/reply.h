/* smtp/reply.h: every answer this server gives (RFC 5321 4.2, RFC 2034, RFC 3463) and the only writer of them. */
#ifndef POSTROOM_SMTP_REPLY_H
#define POSTROOM_SMTP_REPLY_H

#include "daemon/base/counter.h"
#include "daemon/net/out.h"

enum smtp_reply_id {
	REPLY_NONE = 0, /* nothing is said now */
	REPLY_GREETING,
	REPLY_GREETING_LMTP,
	REPLY_HELO,
	REPLY_EHLO, /* smtp_reply_ehlo(), of LHLO too */
	REPLY_BYE,
	REPLY_OK,
	REPLY_NOOP,
	REPLY_RESET,
	REPLY_HELP,
	REPLY_VRFY,
	REPLY_START_TLS,
	REPLY_SENDER_OK,
	REPLY_RECIPIENT_OK,
	REPLY_SEND_DATA,
	REPLY_CHUNK_OK,
	REPLY_QUEUED,
	REPLY_AUTH_CONTINUE,
	REPLY_AUTH_OK,

	REPLY_STOPPING,
	REPLY_TIMEOUT,
	REPLY_TOO_SLOW,
	REPLY_BROKEN,
	REPLY_TOO_MANY_ERRORS,
	REPLY_TOO_MANY_COMMANDS,
	REPLY_SESSION_FULL,
	REPLY_TOO_MANY_FAILURES,
	REPLY_FLOOD,
	REPLY_LOGIN_OVER,
	REPLY_AUTH_BUSY,
	REPLY_AUTH_REFUSED,
	REPLY_TRY_LATER,
	REPLY_TOO_MANY_RECIPIENTS,
	REPLY_TOO_MANY_MESSAGES,
	REPLY_NO_ROOM,
	REPLY_OVER_QUOTA,
	REPLY_SENDING_LIMIT,
	REPLY_SENDING_STOPPED,

	REPLY_UNKNOWN_COMMAND,
	REPLY_LINE_TOO_LONG,
	REPLY_BARE_LINE_END,
	REPLY_AUTH_LINE_TOO_LONG,
	REPLY_BAD_ARGUMENT,
	REPLY_BAD_BASE64,
	REPLY_AUTH_CANCELLED,
	REPLY_BAD_SENDER,
	REPLY_BAD_RECIPIENT,
	REPLY_UTF8_SENDER,
	REPLY_UTF8_RECIPIENT,
	REPLY_UTF8_VRFY,
	REPLY_BAD_RELEASE,
	REPLY_NOT_IMPLEMENTED,
	REPLY_BAD_SEQUENCE,
	REPLY_NEEDS_BDAT,
	REPLY_NO_RECIPIENTS_LMTP,
	REPLY_NO_MAIL_HERE,
	REPLY_EARLY,
	REPLY_NOT_FOR_YOU,
	REPLY_UNKNOWN_MECHANISM,
	REPLY_NEED_TLS,
	REPLY_NEED_AUTH,
	REPLY_NEED_TLS_FOR_THAT,
	REPLY_AUTH_WRONG,
	REPLY_AUTH_SUSPENDED,
	REPLY_AUTH_OFF,
	REPLY_WANTS_APP_PASSWORD,
	REPLY_UNKNOWN_RECIPIENT,
	REPLY_SUSPENDED_RECIPIENT,
	REPLY_REFUSED_DOMAIN,
	REPLY_SUPPRESSED_RECIPIENT,
	REPLY_NO_MAIL_THERE,
	REPLY_RELAY_DENIED,
	REPLY_NOT_OUTSIDE,
	REPLY_NO_SUBMITTER,
	REPLY_NOT_YOUR_HEADER,
	REPLY_BAD_HEADER,
	REPLY_BARE_CR_LF,
	REPLY_CONTENT_LINE_TOO_LONG,
	REPLY_TOO_LARGE,
	REPLY_NOT_YOUR_SENDER,
	REPLY_NO_RECIPIENTS,
	REPLY_LOOP,
	REPLY_UNKNOWN_PARAMETER,
	REPLY_COUNT
};

struct smtp_reply {
	enum smtp_reply_id id;
	struct span text; /* stands where the table has '*' */
};

/* What it costs the peer's patience, limits.h. */
unsigned smtp_reply_cost(enum smtp_reply_id id);
/* Something was not taken; and by what reason it is counted. */
bool smtp_reply_is_rejection(enum smtp_reply_id id);
enum counter smtp_reply_counter(enum smtp_reply_id id);

void smtp_reply_write(const struct smtp_reply *reply, struct out *out);

/* The same as text, without its line end. */
void smtp_reply_text(const struct smtp_reply *reply, struct buf *out);

/* The whole line for a connection that is not served at all. */
struct span smtp_reply_busy(void);

struct smtp_extensions {
	uint64_t max_size;
	size_t max_recipients;
	unsigned max_messages;
	bool start_tls, require_tls, auth, auth_plus;
	bool submission;            /* what mail programs ask for: FUTURERELEASE, MT-PRIORITY, DELIVERBY */
	int64_t hold_until_ms;      /* unix: of FUTURERELEASE */
	struct span sender, origin; /* of submit.sock: XLOCAL, a private keyword (RFC 5321 2.2.2) that tells sendmail(1) who it is; empty: not offered */
};
void smtp_reply_ehlo(struct span hostname, const struct smtp_extensions *offer, struct out *out);

#endif
