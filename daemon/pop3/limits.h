/* pop3/limits.h: every ceiling of a POP3 session. What comes from outside is compared with one of these first. */
#ifndef POSTROOM_POP3_LIMITS_H
#define POSTROOM_POP3_LIMITS_H

/* One line, CRLF included. RFC 2449 4 asks for 255 octets; passwords and responses of SASL are longer. */
#define POP3_LINE_MAX 6144u

#define POP3_BODY_SLICE (64u * 1024u) /* of a body that is a file, read at once */
#define POP3_HEAD_MAX (1024u * 1024u) /* of a header that is written anew */
#define POP3_HEAD_WORK_MAX (8u * 1024u * 1024u)
#define POP3_EXACT_MAX 1000u /* messages of a maildrop where LIST looks at every header, for the size of what RETR sends in ASCII */
#define POP3_AHEAD_MAX 256u  /* pipelined RETRs that are answered from one look into the store */

#define POP3_LOGIN_FAILURES_MAX 4
#define POP3_BAD_START_MAX 25 /* bad commands before login until the connection ends */
#define POP3_BAD_MAX 50       /* in a row, after login */

#define POP3_DEADLINE_START_MS (3 * 60 * 1000) /* before login; as Dovecot, and not the 10 minutes of RFC 1939 3: whoever comes could hold a connection as long */
#define POP3_DEADLINE_MS (10 * 60 * 1000)      /* RFC 1939 3: at least 10 minutes */

#endif
