/* imap/imap_url.h: IMAP URLs (RFC 5092) that name a message or a part of one, perhaps with leave to read it (RFC 4467). */
#ifndef POSTROOM_IMAP_IMAP_URL_H
#define POSTROOM_IMAP_IMAP_URL_H

#include "daemon/base/arena.h"

/* To whom a URL gives what it names (RFC 4467 2.3). */
enum imap_url_access {
	URL_ACCESS_NONE, /* no URLAUTH */
	URL_ACCESS_ANONYMOUS,
	URL_ACCESS_AUTHUSER,
	URL_ACCESS_STREAM, /* a server that plays what it names (RFC 5593 6.2) */
	URL_ACCESS_USER,   /* `access_user` */
	URL_ACCESS_SUBMIT, /* a server that takes in mail, on behalf of `access_user` */
};

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
	enum imap_url_access access;
	struct span access_user;
	int64_t expire_ms;            /* INT64_MAX: never */
	struct span rump;             /* as written, up to the access and without what signs it */
	struct span mechanism, token; /* of `rump`; empty: it is the rump alone */
};

/* ERR_SYNTAX: it is none, or of a kind that names no message; ERR_LIMIT: the arena is full. */
enum err imap_url_parse(struct span text, struct arena *a, struct imap_url *out) MUST_CHECK;

#endif
