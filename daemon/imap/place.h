/* imap/place.h: mailboxes by the names that a client writes: the session's own, and those of other accounts under "Shared/<owner's address>/"
 * (RFC 2342: the other users' namespace) as far as grants let it (RFC 4314).
 */
#ifndef POSTROOM_IMAP_PLACE_H
#define POSTROOM_IMAP_PLACE_H

#include "daemon/directory/grants.h"
#include "daemon/imap/session.h"

/* A mailbox that is there. */
struct imap_place {
	uint64_t owner;              /* account */
	struct mailstore *store;     /* of it: the session's own, or one that stays open until the running command ends */
	struct mailbox_info mailbox; /* its name is the one in the owner's account; in the command's arena */
	unsigned rights;             /* all that the session has there: RIGHT_ALL in its own */
};

/* ERR_NOT_FOUND: none, or one whose name is not for this session (it has neither RIGHT_LOOKUP nor any of `want`); ERR_DENIED (NO [NOPERM]): not all of `want`. */
enum err imap_place_find(struct imap_session *s, struct span name, unsigned want, struct imap_place *out) MUST_CHECK;
/* The name under which this session's client knows it. In the arena; ptr null: no room. */
struct span imap_place_name(struct imap_session *s, uint64_t owner, struct span name, struct arena *a);
/* All mailboxes of other accounts that the session may look up, sorted by name: `mailbox.name` is the full one. In the arena. */
enum err imap_places_shared(struct imap_session *s, struct arena *a, struct imap_place **out, size_t *count_out) MUST_CHECK;

/* The selected mailbox: `s->at`. All of `rights`, as they are granted now? True in the own mailboxes. */
bool imap_may(struct imap_session *s, unsigned rights);

#endif
