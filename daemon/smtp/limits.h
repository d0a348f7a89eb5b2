/* smtp/limits.h: what a peer may take of us. */
#ifndef POSTROOM_SMTP_LIMITS_H
#define POSTROOM_SMTP_LIMITS_H

/* A command with its CRLF. RFC 5321 4.5.3.1.4 has 512; all parameters of a MAIL add about 1,000 to it (AUTH 500, ENVID 307), ORCPT 507 to a RCPT. */
#define SMTP_LINE_MAX 1536
#define SMTP_AUTH_LINE_MAX 12288     /* RFC 4954 section 4 */
#define SMTP_FLOOD_MAX (64u * 1024u) /* a line that is still not over: closed */
#define SMTP_HELO_MAX 255
#define SMTP_TRANSACTION_MAX (2048u * 1024u)      /* arena: 1,000 recipients of full length, what each has wished, and the arrays */
#define SMTP_COMMAND_MAX (64u * 1024u)            /* arena of one command */
#define SMTP_HEADER_WORK_MAX (4u * 1024u * 1024u) /* arena while a submitted header is read */
#define SMTP_HEADER_MAX (272u * 1024u)            /* a submitted header with what we add */
#define SMTP_DISCARD_MAX (64u * 1024u * 1024u)    /* octets of a refused message that are read before the connection ends */
#define SMTP_RECEIVED_MAX 50                      /* RFC 5321 6.3 wants at least 100 hops or a better way; mail that is not looping has under 20 */
#define SMTP_AUTH_FAILURES_MAX 3

/* From the fourth recipient on who is unknown here, the answer comes later and later: a list of guessed names takes days. */
#define SMTP_UNKNOWN_FREE 3
#define SMTP_PAUSE_MS 500
#define SMTP_PAUSE_MAX_MS 10000

/* Messages of one uid over submit.sock: so many at once, then so many a minute. A script that runs wild fills no queue. */
#define SMTP_LOCAL_BURST 1000
#define SMTP_LOCAL_PER_MINUTE 120

/* Patience: each reply has a cost (reply.c), an accepted message pays all back, and who has spent errors_max times this much is told 421. */
#define SMTP_FAULT 1000

#define SMTP_IDLE_MS 300000 /* RFC 5321 4.5.3.2.7; until the settings are asked, at the greeting */
/* A body that has taken message_ms must have come at that rate or better: one byte now and then holds no slot for days. */
#define SMTP_SLOW_BODY_BYTES_PER_S 100

/* The longest that a message may wait for its release (RFC 4865). */
#define SMTP_HOLD_MAX_S (31 * 24 * 3600)
#define SMTP_DATE_TIME_MAX 40 /* of RFC 3339 */

#define SMTP_QUOTED_MAX 200 /* of another server's words in a reply of ours */

#endif
