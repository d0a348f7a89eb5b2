/* imap/metadata.h: annotations (RFC 5464) beside their own commands: told with LIST, and when others change them. */
#ifndef POSTROOM_IMAP_METADATA_H
#define POSTROOM_IMAP_METADATA_H

#include "daemon/imap/session.h"

/* RFC 5464 3.3: "l", and something that makes use of the mailbox; for what is everybody's, to change it, "w". */
bool imap_metadata_may(unsigned rights, bool change_shared);
/* "/private/specialuse" of a mailbox (RFC 6154 4): what LIST says of the session's own, nothing of those of others. */
bool imap_metadata_is_use(const struct metadata_entry *entry);
struct span imap_metadata_use_of(const struct imap_session *s, const struct imap_place *place);
/* Whose the entry is (store/annotation.h). */
uint64_t imap_metadata_reader(const struct imap_session *s, const struct metadata_entry *entry);
/* The METADATA line of one mailbox behind its LIST (RFC 9590); nothing for who may not see them. */
enum err imap_metadata_list(struct imap_session *s, const struct imap_place *place, struct span shown_name, struct out *out) MUST_CHECK;

/* From now on the session hears of changes, as ENABLE or NOTIFY has asked for it. */
void imap_metadata_use(struct imap_session *s);
/* A mailbox has been selected. */
void imap_metadata_enter(struct imap_session *s);
/* What others have changed, where a line may stand: as NOTIFY asks for it, else as ENABLE did. */
void imap_metadata_tell(struct imap_session *s, struct out *out);

#endif
