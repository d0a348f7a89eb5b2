/* relay/kept.h: connections to other servers that wait a moment for the next message.
 *
 * One is given only to who asks for the very same: address, host, what TLS must show, our address and name, the credentials. Each is ended with QUIT by a
 * thread that sleeps while there is nothing to do.
 */
#ifndef POSTROOM_RELAY_KEPT_H
#define POSTROOM_RELAY_KEPT_H

#include "daemon/net/stream.h"
#include "daemon/relay/offers.h"
#include "daemon/relay/route.h"

#define KEPT_KEY_BYTES 32

/* One connection, greeted, and secured and authenticated as far as its key says. */
struct kept_link {
	struct stream *stream; /* null: none */
	struct offers offers;
	uint64_t messages; /* that were begun on it */
	uint8_t key[KEPT_KEY_BYTES];
};

/* What two connections must have in common for one to stand for the other. False: no memory. */
bool kept_key(const struct relay_job *job, const struct route_target *target, const struct tls_plan *plan, uint8_t out[KEPT_KEY_BYTES]) MUST_CHECK;

struct kept;
/* cancel_fd: of the relay (inside.h); stays the caller's. */
enum err kept_new(int cancel_fd, struct kept **out) MUST_CHECK;
void kept_free(struct kept **k);
/* False: there is none. It was quiet until now, which doesn't say that its other end is still there. */
bool kept_take(struct kept *k, const uint8_t key[KEPT_KEY_BYTES], struct kept_link *out);
/* Takes it over. At its end of a transaction, with nothing unread. */
void kept_put(struct kept *k, struct kept_link *link);
/* Takes it over for QUIT alone, for which the caller doesn't wait. */
void kept_leave(struct kept *k, struct kept_link *link);

#endif
