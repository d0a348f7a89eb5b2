/* imap/sync.h: telling the client what has changed in its mailbox. */
#ifndef POSTROOM_IMAP_SYNC_H
#define POSTROOM_IMAP_SYNC_H

#include "daemon/imap/session.h"

/* Brings the view up to date and remembers in s->run what is to be told. False: nothing, or
 * a failure, which tells nothing this time. */
bool imap_sync_begin(struct imap_session *s, bool may_expunge);
/* Tells some of it; false: there is more, but the output is full. */
bool imap_sync_emit(struct imap_session *s, struct out *out);

/* The tagged reply's text with HIGHESTMODSEQ, when the command asked for it; after imap_sync_begin(). */
void imap_sync_text(struct imap_session *s);

/* A use that switches CONDSTORE on (RFC 7162 3.1): MODSEQ in FETCH, SEARCH or STATUS, CHANGEDSINCE, UNCHANGEDSINCE, a parameter of SELECT.
 * For the first, with a mailbox selected, its HIGHESTMODSEQ is told: to be called where a line may begin. */
void imap_condstore_on(struct imap_session *s, struct out *out);

/* Makes sure that every bit of `flags` has its name, before a line that shows them is begun. New names are told (FLAGS). */
void imap_keywords_refresh(struct imap_session *s, struct out *out, uint64_t flags);
enum err imap_keywords_load(struct imap_session *s) MUST_CHECK;

/* The set as UIDs, sorted and merged, in the arena. By sequence number: ERR_SYNTAX for one above EXISTS (RFC 3501 9, seq-number),
 * unless `lenient`. */
enum err imap_set_resolve(struct imap_session *s, const struct imap_set *set, bool by_uid, bool lenient, struct arena *a, struct uid_set *out) MUST_CHECK;
/* The same in another view than the selected mailbox's, where "$" is nothing. */
enum err imap_set_resolve_in(const struct imap_session *s, const struct view *v, const struct imap_set *set, bool by_uid, bool lenient, struct arena *a,
			     struct uid_set *out) MUST_CHECK;
/* UIDs that a client knows of, perhaps of messages that are gone (RFC 7162 known-uids): sorted and merged; "*" reaches to the last UID there can be. */
enum err imap_set_known(const struct imap_set *set, struct arena *a, struct uid_set *out) MUST_CHECK;
/* How many messages of the set are in the view. */
size_t imap_set_count(const struct imap_session *s, const struct uid_set *set);
/* Of more than IMAP_MESSAGELIMIT messages only those with the highest UIDs stay in the set (RFC 9738 3); false: all stay. */
bool imap_set_limit(const struct imap_session *s, struct uid_set *set, uint32_t *lowest_uid_out);
/* The text of the tagged OK for such a command, in run.arena; `has_code`: another response code will stand there, so the limit is told untagged and
 * the text is without. */
struct span imap_limit_text(struct imap_session *s, struct out *out, uint32_t lowest_uid, bool has_code);
bool uid_set_has(const struct uid_set *set, uint32_t uid);

/* Flags as written to bits of that account; unknown keywords are made when `create`, else left out. ERR_LIMIT: no bit is free. */
enum err imap_flags_resolve(struct imap_session *s, struct mailstore *m, const struct imap_flags *flags, bool create, uint64_t *out) MUST_CHECK;

#endif
