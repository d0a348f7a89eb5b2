/* imap/imap_url.h: IMAP URLs (RFC 5092) that name a message or a part of one. */
#ifndef POSTROOM_IMAP_IMAP_URL_H
#define POSTROOM_IMAP_IMAP_URL_H

#include "daemon/base/arena.h"

/* Decoded; in the arena where it had escapes. */
struct imap_url {
	bool has_host; /* else it is relative to this server */
	struct span user, host;
	bool has_mailbox; /* else it is the selected one */
	struct span mailbox;
	uint32_t uid_validity; /* 0: not given */
	uint32_t uid;
	struct span section; /* as between the brackets of BODY[]; empty: all */
	bool is_partial;
	uint32_t offset, length; /* length UINT32_MAX: to the end */
};

/* ERR_SYNTAX: it is none, or of a kind that names no message; ERR_LIMIT: the arena is full. */
enum err imap_url_parse(struct span text, struct arena *a, struct imap_url *out) MUST_CHECK;

#endif
