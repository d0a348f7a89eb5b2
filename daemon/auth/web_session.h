/* auth/web_session.h: sessions of browsers: an opaque cookie, kept as a digest; idle ones end (SETTING_SESSION_IDLE_HOURS). */
#ifndef POSTROOM_AUTH_WEB_SESSION_H
#define POSTROOM_AUTH_WEB_SESSION_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

#define WEB_SESSION_PROVEN_MS (5 * 60 * 1000) /* how long a step-up lasts */
#define WEB_SESSIONS_MAX 50                   /* of one account: the oldest makes room */

struct web_session {
	uint64_t id, account_id;
	int64_t created_ms, seen_ms;
	bool proven; /* who they are was shown within WEB_SESSION_PROVEN_MS */
	struct span seen_from, agent;
};

/* A new session, proven now. The cookie's value (256 bits, base64url) goes to `cookie`. `agent` is cut at 200 bytes. */
enum err web_session_create(struct auth *a, uint64_t account_id, const struct net_addr *peer, struct span agent, uint64_t *id_out, struct buf *cookie) MUST_CHECK;
/* ERR_DENIED: none, run out, or its account is gone or suspended. Remembers when and from where it was seen. */
enum err web_session_check(struct auth *a, struct span cookie, const struct net_addr *peer, struct arena *arena, struct web_session *out) MUST_CHECK;
/* The CSRF token of a session: derived from the cookie, 43 characters. */
void web_session_csrf(const struct auth *a, struct span cookie, struct buf *out);
/* The person has proven again who they are. Durable. */
enum err web_session_prove(struct auth *a, uint64_t id) MUST_CHECK;
enum err web_session_list(struct auth *a, uint64_t account_id, struct arena *arena, struct web_session **out, size_t *count_out) MUST_CHECK;
enum err web_session_remove(struct auth *a, uint64_t account_id, uint64_t id) MUST_CHECK;
/* All of an account but one (0: all): after a change of password, role, or second factor. */
enum err web_session_remove_others(struct auth *a, uint64_t account_id, uint64_t keep_id) MUST_CHECK;
/* All of the accounts of a domain that is no longer active. Their caches are auth_forget()'s, after the commit. */
enum err web_session_remove_domain(struct auth *a, struct span domain) MUST_CHECK;

#endif
