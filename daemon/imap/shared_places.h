/* imap/shared_places.h: mailboxes of other accounts that the session may look up, read an account at a time: each is a database to be opened, and there may be
 * hundreds of them.
 */
#ifndef POSTROOM_IMAP_SHARED_PLACES_H
#define POSTROOM_IMAP_SHARED_PLACES_H

#include "daemon/imap/place.h"

struct shared_places {
	struct arena *arena;
	struct shared_owner {
		uint64_t id;
		struct span name; /* "Shared/info@example.org" */
	} * owners;               /* in the order of their mailboxes */
	size_t owner_count, owner_at;
	/* By name, with the full one; as the session sees them: without the owner's special use and subscriptions. No store is open. */
	struct imap_place *all;
	size_t count, room;
};

/* Whom to ask; nobody where ACL is switched off. All is kept in the arena; ERR_LIMIT: it is full. */
enum err shared_places_begin(struct imap_session *s, struct arena *a, struct shared_places *p) MUST_CHECK;
/* One more account; false: all are read, or *e_out. Uses run.batch. */
bool shared_places_more(struct imap_session *s, struct shared_places *p, enum err *e_out);

/* For who goes through the accounts himself. Adds those of one; of an account that is withdrawn by now none. */
enum err shared_places_read(struct imap_session *s, struct shared_places *p, const struct shared_owner *o) MUST_CHECK;
/* Adds a name that is no mailbox; null: no room. */
struct imap_place *shared_places_add(struct shared_places *p, uint64_t owner, struct span name);
/* Sorts what was added from `first` on, all of one account, and marks those that are above others. */
void shared_places_settle(struct shared_places *p, size_t first);
struct imap_place *shared_places_find(const struct shared_places *p, size_t first, size_t end, struct span name);

#endif
