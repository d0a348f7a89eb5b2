/* store/url_key.h: mailbox access keys (RFC 4467 2.1): random bytes by which URLs of a mailbox's messages are signed. Who has the account's mail.db has them. */
#ifndef POSTROOM_STORE_URL_KEY_H
#define POSTROOM_STORE_URL_KEY_H

#include "daemon/store/store.h"

#define URL_KEY_BYTES 32

struct url_key {
	uint8_t bytes[URL_KEY_BYTES];
};

/* ERR_NOT_FOUND: the mailbox has none, or is not there. */
enum err url_key_find(struct mailstore *m, uint64_t mailbox_id, struct url_key *out) MUST_CHECK;
/* The one it has, else a new one. ERR_NOT_FOUND: no such mailbox. */
enum err url_key_make(struct mailstore *m, uint64_t mailbox_id, struct url_key *out) MUST_CHECK;
/* Of this mailbox, or of all (0): what was signed with it is void. The next url_key_make() makes another. */
enum err url_key_remove(struct mailstore *m, uint64_t mailbox_id) MUST_CHECK;

#endif
