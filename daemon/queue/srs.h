/* queue/srs.h: the sender rewriting scheme: the reverse-path of a forwarded copy is an address of ours, so that SPF passes at the next server, and
 * a bounce to it comes back here and goes on to the sender (srs_open.h). Pure.
 *
 *   SRS0=hash=day=domain=local@ours             of a sender elsewhere
 *   SRS1=hash=host=rest@ours                    of a path that a forwarder had rewritten: opened, it is SRS0<rest>@host
 *   SRS0=hash=day=-=token@ours                  of one that would not fit into 64 octets (RFC 5321 4.5.3.1.1): queue.db remembers it
 *
 * The hash is 30 bits of HMAC-SHA-256 in base32, over what follows it without ASCII case (servers on the way may fold it); the day counts modulo 1024.
 */
#ifndef POSTROOM_QUEUE_SRS_H
#define POSTROOM_QUEUE_SRS_H

#include "daemon/base/arena.h"
#include "daemon/mime/address.h"

#define SRS_VALID_DAYS 21 /* longer than any server tries */

struct srs {
	uint8_t key[32];
	int64_t now_ms; /* unix */
};

struct srs_path {
	struct address address;
	struct span token; /* not empty: of a path that is remembered; written, `original` has to be kept under it, read, to be looked up */
	struct span original;
};

/* The reverse-path at `domain`; the sender is not null. In the arena. ERR_LIMIT: it is full. */
enum err srs_write(const struct srs *srs, const struct address *sender, struct span domain, struct arena *a, struct srs_path *out) MUST_CHECK;
/* Does it look like one of ours, by its local part alone? */
bool srs_is_one(const struct address *address);
/* ERR_NOT_FOUND: no address of this kind. ERR_DENIED: a hash that is not ours, or too old. */
enum err srs_read(const struct srs *srs, const struct address *address, struct arena *a, struct srs_path *out) MUST_CHECK;

#endif
