/* imap/context.h: searches whose results are kept up to date for the client (RFC 5267 4.3).
 *
 *   SEARCH or SORT RETURN (UPDATE) ──▶ context ──each sync──▶ what left, before EXPUNGE ──▶ what changed, behind EXISTS
 *                                         │
 *                                         └── CANCELUPDATE, another mailbox, none, or no room ──▶ gone
 */
#ifndef POSTROOM_IMAP_CONTEXT_H
#define POSTROOM_IMAP_CONTEXT_H

#include "daemon/imap/search_run.h"

/* From a search that is through: `f` becomes what the client knows. False: refused, and the client is told (NOUPDATE); the rest of the search stands. */
bool context_begin(struct imap_session *s, const struct search_found *f, struct out *out);
/* Notices of the context that was begun last name its mailbox (RFC 7377 2.1). */
void context_correlate(struct imap_session *s, struct span mailbox, uint32_t uid_validity);
bool context_exists(const struct imap_session *s, struct span tag);
/* Before context_sync() each: messages whose flags this session has changed. */
void context_note(struct imap_session *s, const struct view_flags_changed *rows, size_t count);
void context_cancel(struct imap_session *s, struct span tag);
void context_end_all(struct imap_session *s);

/* The view has been brought up to date; s->run.changes says how. */
void context_sync(struct imap_session *s);
/* Looks at what changed, in turns. False: to be called again. */
bool context_look(struct imap_session *s);
bool context_is_too_much(const struct imap_session *s); /* what they hold has grown past the ceiling */
#endif
