/* pop3/table.h: the law of the protocol: which command is legal where, what it needs, who parses and who runs it. */
#ifndef POSTROOM_POP3_TABLE_H
#define POSTROOM_POP3_TABLE_H

#include "daemon/pop3/parse.h"
#include "daemon/pop3/session.h"

enum {
	NEED_PRIVACY = 1, /* TLS, or a peer on this machine's loopback */
};

struct pop3_command {
	struct span verb;
	unsigned legal_at; /* of enum pop3_state */
	unsigned needs;
	enum err (*parse)(struct span rest, union pop3_args *out);
	enum step (*run)(struct pop3_session *s, const union pop3_args *args, struct out *out);
};

/* Null: no such verb. *rest_out: what stands behind it and one space. */
const struct pop3_command *pop3_command_find(struct span line, struct span *rest_out);

#endif
