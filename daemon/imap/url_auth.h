/* imap/url_auth.h: URLs that give away what they name (RFC 4467): who may use one, what signs it. The mechanism is INTERNAL; a token is a version octet and
 * the HMAC-SHA-256 of the rump, as it is written, under the mailbox's access key. */
#ifndef POSTROOM_IMAP_URL_AUTH_H
#define POSTROOM_IMAP_URL_AUTH_H

#include "daemon/imap/imap_url.h"
#include "daemon/imap/session.h"

#define URL_MECHANISM SPAN("INTERNAL")

/* May this session use it, now, if it is right? Nothing of the owner's is looked at. */
bool url_auth_is_open(const struct imap_session *s, const struct imap_url *url);
/* Has it been signed with the key of this mailbox of m? 0: there is none, which takes as long. ERR_NOT_FOUND: no. */
enum err url_auth_verify(const struct imap_session *s, struct mailstore *m, uint64_t mailbox_id, const struct imap_url *url) MUST_CHECK;
/* The whole URL, of a mailbox of the session's account. ERR_LIMIT: the arena is full. */
enum err url_auth_sign(const struct imap_session *s, uint64_t mailbox_id, const struct imap_url *url, struct arena *a, struct span *out) MUST_CHECK;

#endif
