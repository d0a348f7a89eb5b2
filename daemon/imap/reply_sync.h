/* imap/reply_sync.h: what is told of messages that changed or left, as UIDs and modseqs (RFC 7162): this folder's writer, as reply.h. */
#ifndef POSTROOM_IMAP_REPLY_SYNC_H
#define POSTROOM_IMAP_REPLY_SYNC_H

#include "daemon/imap/session.h"

/* "* NO [MESSAGELIMIT 1000 23221] ..." */
void reply_limit(struct out *out, uint32_t limit, uint32_t lowest_uid);
/* "* NO [NOUPDATE "A01"] ..." (RFC 5267 4.3.1) */
void reply_noupdate(struct out *out, const char *tag);
/* One line "* VANISHED [(EARLIER)] 41,43:116" of the first ranges; how many it took, to be called until all are told. */
size_t reply_vanished(struct out *out, const struct uid_range *ranges, size_t count, bool earlier);
/* "* 3 FETCH ([UID 7] MODSEQ (12))" */
void reply_fetch_modseq(const struct imap_session *s, struct out *out, uint32_t sequence, uint32_t uid, uint64_t modseq, bool with_uid);
/* "[MODIFIED 7,9] ..." as the text of a reply: numbers of messages as the command had them. */
struct span reply_modified(struct arena *a, const struct uid_range *ranges, size_t count, bool some_gone);

#endif
