/* auth/scram.h: SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677), the server's side: messages in and out, no waiting.
 *
 *   begin ──client-first──▶ first: server-first ──client-final──▶ final: server-final and a result
 *
 * One salt and iteration count an account: the proof is tried against the main password's keys and those of every live app password
 * that takes the protocol. An unknown user, and one without keys, gets a salt that stays the same, and fails at the end. Reads control.db at most; nothing here takes longer than some HMACs.
 */
#ifndef POSTROOM_AUTH_SCRAM_H
#define POSTROOM_AUTH_SCRAM_H

#include "daemon/auth/auth.h"

#define SCRAM_MESSAGE_MAX 1024 /* from the client */
#define SCRAM_REPLY_MAX 1280   /* from the server */

struct session_binding;
struct session_peer;
struct scram;
/* `plus`: the -PLUS mechanism was chosen. `offered_plus`: it was on offer (a client that says "y" is then refused: a downgrade). `binding` is copied;
 * null: there is none. */
enum err scram_begin(struct auth *a, enum auth_protocol protocol, bool plus, bool offered_plus, const struct session_binding *binding,
		     const struct net_addr *peer, struct scram **out) MUST_CHECK;
/* ERR_SYNTAX: not a SCRAM message; ERR_DENIED: authzid for somebody else, a downgrade, a binding that does not fit; ERR_TEMP. */
enum err scram_first(struct scram *s, struct span client_first, struct buf *server_first) MUST_CHECK;
/* Always fills *result. ERR_OK: AUTH_OK and server-final ("v=..."). Otherwise result->verdict says what to answer. ERR_SYNTAX: not a SCRAM message.
 * Who is refused for too many failures gets in with an app password still: that cannot be guessed. */
enum err scram_final(struct scram *s, struct span client_final, struct buf *server_final, struct auth_result *result) MUST_CHECK;
struct span scram_login(const struct scram *s); /* for the log; lives with s */
void scram_free(struct scram **s);
/* Is -PLUS to be offered on this connection? (SETTING_LOGIN_CHANNEL_BINDING) */
bool scram_may_bind(const struct auth *a, const struct session_peer *peer);

#endif
