/* imap/url_place.h: where the message is that a URL names: in the session's account, or in another one whose owner has given leave. */
#ifndef POSTROOM_IMAP_URL_PLACE_H
#define POSTROOM_IMAP_URL_PLACE_H

#include "daemon/imap/imap_url.h"
#include "daemon/imap/session.h"

struct url_place {
	struct mailstore *m;
	bool is_other; /* a signed URL of another account, which was opened for this */
	uint64_t owner, mailbox_id;
};

/* A signed URL leads to where its signature lets it; one without URLAUTH, and an unsigned one, into the session's account, and as the session may read them
 * into mailboxes of others that are shared with it, under the names that they have there. ERR_NOT_FOUND, whatever the reason;
 * ERR_TEMP. Open for the moment only: never across turns. */
enum err url_place_open(struct imap_session *s, const struct imap_url *url, struct url_place *out) MUST_CHECK;
void url_place_close(const struct imap_session *s, struct url_place *p); /* harmless when it was not opened */
/* Shows the one message. ERR_NOT_FOUND: it is not there. */
enum err url_place_read(const struct imap_session *s, const struct url_place *p, uint32_t uid, unsigned want,
			bool (*each)(void *arg, const struct message_row *row), void *arg) MUST_CHECK;

struct fetch_item;
/* The URL's section as FETCH would be asked for it, without a label; what does not parse there is no section: ERR_SYNTAX. */
enum err url_place_item(const struct imap_url *url, struct arena *a, struct fetch_item *out) MUST_CHECK;
/* "[BADURL ...] words" in the command's arena. */
struct span url_place_bad(struct imap_session *s, struct span url, const char *words);

#endif
