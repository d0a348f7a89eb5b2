/* imap/table.h: the law of the protocol: which command is legal where, what it needs, who parses and who runs it. */
#ifndef POSTROOM_IMAP_TABLE_H
#define POSTROOM_IMAP_TABLE_H

#include "daemon/imap/parse.h"
#include "daemon/imap/session.h"

enum {
	NEED_PRIVACY = 1, /* TLS, or a peer on this machine's loopback */
	NEED_WRITE = 2,   /* a mailbox selected read-write */
	NO_EXPUNGE = 4,   /* no EXPUNGE reply while it runs: sequence numbers are in use (RFC 3501 7.4.1) */
	BY_UID = 8,
	SECRET = 16,      /* its bytes are erased afterwards */
	REMOVES = 64,     /* messages leave by it: the client is told, whatever it has said with NOTIFY */
	BY_SEQUENCE = 32, /* takes or gives sequence numbers: not under UIDONLY (RFC 9586 3) */
};

struct imap_command {
	struct span verb; /* with "UID " where it is that form */
	unsigned states;  /* of enum imap_state */
	unsigned law;
	enum imap_capability capability;                                /* without it the command is unknown */
	enum err (*parse)(struct imap_parser *p, union imap_args *out); /* null: no arguments */
	enum step (*run)(struct imap_session *s, const union imap_args *args, struct out *out);
};

/* Cuts the verb (with UID) off p; null: unknown. */
const struct imap_command *imap_command_find(struct imap_parser *p);

#endif
