/* imap/sync.h: telling the client what has changed in its mailbox. */
#ifndef POSTROOM_IMAP_SYNC_H
#define POSTROOM_IMAP_SYNC_H

#include "daemon/imap/session.h"

/* Brings the view up to date and remembers in s->run what is to be told. False: nothing, or
 * a failure, which tells nothing this time. */
bool imap_sync_begin(struct imap_session *s, bool may_expunge);
/* Tells some of it; false: there is more, but the output is full. */
bool imap_sync_emit(struct imap_session *s, struct out *out);

/* Makes sure that every bit of `flags` has its name, before a line that shows them is begun. New names are told (FLAGS). */
void imap_keywords_refresh(struct imap_session *s, struct out *out, uint64_t flags);
enum err imap_keywords_load(struct imap_session *s) MUST_CHECK;

/* The set as UIDs, sorted and merged, in the arena. By sequence number: ERR_SYNTAX for one above EXISTS (RFC 3501 9, seq-number),
 * unless `lenient`. */
enum err imap_set_resolve(struct imap_session *s, const struct imap_set *set, bool by_uid, bool lenient, struct arena *a, struct uid_set *out) MUST_CHECK;
bool uid_set_has(const struct uid_set *set, uint32_t uid);

/* Flags as written to bits; unknown keywords are made when `create`, else left out. ERR_LIMIT: no bit is free. */
enum err imap_flags_resolve(struct imap_session *s, const struct imap_flags *flags, bool create, uint64_t *out) MUST_CHECK;
/* A name as a client wrote it, in the store's form. ERR_NOT_FOUND also for what can't be a name. */
enum err imap_mailbox_find(struct imap_session *s, struct span name, struct mailbox_info *out) MUST_CHECK;

#endif
