/* smtp/table.h: the law of the protocol: which command is legal where, what it needs, who reads it and who runs it. */
#ifndef POSTROOM_SMTP_TABLE_H
#define POSTROOM_SMTP_TABLE_H

#include "daemon/smtp/state.h"

enum smtp_flag {
	NEED_TLS = 1,        /* on submission */
	NEED_AUTH = 2,       /* on submission */
	ONLY_SUBMISSION = 4, /* not there on mx */
	OCTETS_FOLLOW = 8,   /* they are read, also when the command is refused */
	ONLY_LMTP = 16,
	NEVER_LMTP = 32,
};

struct smtp_command {
	struct span verb;
	unsigned legal_at, flags;
	enum smtp_reply_id bad_syntax;
	enum err (*parse)(struct span rest, struct arena *cmd, union smtp_args *out);
	enum step (*run)(struct smtp_session *s, const union smtp_args *args, struct smtp_reply *reply);
};

/* Null: no such verb. *rest_out: what stands behind it. */
const struct smtp_command *smtp_command_find(struct span line, struct span *rest_out);

#endif
