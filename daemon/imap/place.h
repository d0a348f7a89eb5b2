/* imap/place.h: mailboxes by the names that a client writes: the session's own, and those of other accounts under "Shared/<owner's address>/"
 * (RFC 2342: the other users' namespace) as far as grants let it (RFC 4314).
 */
#ifndef POSTROOM_IMAP_PLACE_H
#define POSTROOM_IMAP_PLACE_H

#include "daemon/directory/grants.h"
#include "daemon/imap/session.h"

/* ERR_NOT_FOUND: none, or one whose name is not for this session (it has neither RIGHT_LOOKUP nor any of `want`); ERR_DENIED (NO [NOPERM]): not all of `want`. */
enum err imap_place_find(struct imap_session *s, struct span name, unsigned want, struct imap_place *out) MUST_CHECK;
/* The same where any of `any` lets it be known of and nothing more is asked for (MYRIGHTS). */
enum err imap_place_known(struct imap_session *s, struct span name, unsigned any, struct imap_place *out) MUST_CHECK;

/* Where a mailbox is to be made, or a name to be subscribed to. */
struct imap_site {
	uint64_t owner; /* account */
	struct mailstore *store;
	struct span name, full_name; /* in the owner's account, and as the client knows it */
	uint64_t parent;             /* the nearest above it that is there; 0: none */
	size_t parent_length;        /* of its name */
	unsigned rights;             /* there; without one, those on all mailboxes */
};
/* Names that can be none: as mailbox_name_normal(). ERR_DENIED: below an account that is not there, or that lets the session make nothing there. */
enum err imap_site_find(struct imap_session *s, struct span name, struct imap_site *out) MUST_CHECK;
/* Just made there, with those between the parent and it: their grants are the parent's, of all of them or of none. ERR_STATE, ERR_LIMIT as share_inherit. */
enum err imap_site_inherit(struct imap_session *s, const struct imap_site *site) MUST_CHECK;

/* Of a mailbox that is not there, and was to take messages: RFC 9051 6.3.12. */
struct span imap_place_missing(struct imap_session *s, struct span name);

/* Is it, by its form, one of another account's mailbox? */
bool imap_is_shared_name(const struct imap_session *s, struct span name);
/* The name under which this session's client knows it. In the arena; ptr null: no room. */
struct span imap_place_name(struct imap_session *s, uint64_t owner, struct span name, struct arena *a);
/* "Shared/info@example.org", the same way; and whose it is: another account's. The second gives ERR_NOT_FOUND also for who grants the session nothing. */
struct span imap_owner_name(struct imap_session *s, uint64_t owner, struct arena *a);
enum err imap_owner_named(struct imap_session *s, struct span name, uint64_t *owner_out) MUST_CHECK;
enum err imap_owner_find(struct imap_session *s, struct span name, uint64_t *owner_out) MUST_CHECK;
/* The mailbox as the client is to see it: the name as above, subscribed or not in the session's account, the owner's special use left out (its \Sent is not
 * the reader's). In the command's arena. */
enum err imap_place_shown(struct imap_session *s, const struct imap_place *p, struct mailbox_info *out) MUST_CHECK;
/* In the session's own account, by the full name. */
bool imap_is_subscribed(struct imap_session *s, struct span name);
/* Gives back what the command has opened: of a command that goes through many, between them. */
void imap_places_close(struct imap_session *s);

/* Opens its account as imap_place_find() does. */
enum err imap_place_open(struct imap_session *s, struct imap_place *p) MUST_CHECK;

/* s->at becomes that place, with a reference of its own; then imap_place_leave(), harmless without one. */
enum err imap_place_enter(struct imap_session *s, const struct imap_place *p) MUST_CHECK;
void imap_place_leave(struct imap_session *s);
/* Is it the selected one? */
bool imap_place_is_selected(const struct imap_session *s, uint64_t owner, uint64_t mailbox_id);

/* Rights to change something: READ-ONLY without one (RFC 4314 5.2). "s" is among them though \Seen is not shared: clients don't even try to keep it in a
 * mailbox that is READ-ONLY. */
#define RIGHTS_TO_CHANGE (RIGHT_INSERT | RIGHT_SEEN | RIGHT_WRITE | RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE)

/* The flags that may be set and cleared with these rights (RFC 4314 4). */
uint64_t imap_rights_flags(unsigned rights);

/* The selected mailbox: `s->at`. All of `rights`, as they are granted now? True in the own mailboxes. */
bool imap_may(struct imap_session *s, unsigned rights);

#endif
