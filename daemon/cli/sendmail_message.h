/* cli/sendmail_message.h: a message as programs hand it to sendmail(1): line ends, header, recipients; internal to cli/. */
#ifndef POSTROOM_CLI_SENDMAIL_MESSAGE_H
#define POSTROOM_CLI_SENDMAIL_MESSAGE_H

#include <stdio.h>

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

#define SENDMAIL_MESSAGE_MAX (256u * 1024u * 1024u) /* the server's limit is smaller and has the last word */
#define SENDMAIL_RECIPIENTS_MAX 100000

/* How addresses are made whole: what the server says of us. Borrowed. */
struct sendmail_home {
	struct span hostname, sender, origin;
};

struct sendmail_recipient {
	struct span address; /* whole, as for RCPT */
	struct span login;   /* it was a name without a domain; else empty */
};

struct sendmail_message {
	struct arena arena;
	struct buf text;   /* as it came, with CRLF */
	struct buf header; /* as it goes out, with its empty line */
	struct span body;  /* in text */
	struct sendmail_recipient *recipients;
	size_t recipient_count, recipient_room;
};

void sendmail_message_init(struct sendmail_message *m);
void sendmail_message_clear(struct sendmail_message *m);

/* To the end of file, or a line with a dot alone unless `ignore_dots`. Ends of line become CRLF, an mbox "From " line in front is left out. ERR_LIMIT, ERR_TEMP. */
enum err sendmail_message_read(struct sendmail_message *m, FILE *from, bool ignore_dots) MUST_CHECK;

/* Adds the addresses of a list ("a@b, Name <c>") to the recipients; twice the same is once. ERR_SYNTAX: none in it; ERR_DENIED: one that cannot be one. */
enum err sendmail_message_add_recipients(struct sendmail_message *m, const struct sendmail_home *home, struct span list) MUST_CHECK;

/* Makes the header: names without a domain get one, From is added where it is missing; with `take_recipients` those of To, Cc and Bcc
 * (of a resent message: of Resent-To and the like) are added and Bcc left out. `sender` is the envelope's, `name` may be empty. */
enum err sendmail_message_prepare(struct sendmail_message *m, const struct sendmail_home *home, bool take_recipients, struct span sender, struct span name) MUST_CHECK;

/* "local@domain" of a name or an address; a name without a domain is a mailbox at the origin, or, as a sender, the login itself. In the arena; empty: it cannot be one. */
struct span sendmail_qualify(struct arena *a, const struct sendmail_home *home, struct span local, struct span domain, bool as_sender);

#endif
