/* api/user_mail.h: what concerns the mail of a user: forwards, identities, limits, quota, protocols that are off, what IMAP does not offer, as the handlers share them; internal to api/. */
#ifndef POSTROOM_API_USER_MAIL_H
#define POSTROOM_API_USER_MAIL_H

#include "api/call.h"

struct user_mail {
	const struct span *forwards, *identities;
	size_t forward_count, identity_count;
	bool forward_keeps;
	int32_t hour, day, fresh;
	int64_t quota_bytes, quota_messages;
	unsigned protocols_off; /* bits of enum auth_protocol */
	struct span imap_off;   /* as imap_capability_write() has it */
	struct span imap_bad;   /* of what was wanted: the first that is none; empty: all are known */
};

/* Of nobody: what a new user has. */
struct user_mail user_mail_default(void);
/* Its spans are copied. */
struct user_mail user_mail_of(struct arena *a, const struct account *account);
/* Adds the fields to a user. `brief`: those that are as a new user's are left out. */
void user_mail_show(struct json_t *user, const struct account *account, bool brief);
/* What `from` says; `all`: what is left out or null has its default, else it stays. Spans live as long as `from` and the call. */
void user_mail_read(struct api_call *c, const struct json_t *from, bool all, struct user_mail *out);
bool user_mail_is_same(const struct user_mail *a, const struct user_mail *b);
/* In the batch: only what differs. ERR_DENIED, ERR_NOT_FOUND (a domain that the caller does not reach): what only those may give who manage all
 * domains. *field: that was not right. */
enum err user_mail_set(struct api_call *c, uint64_t id, const struct user_mail *now, const struct user_mail *wanted, const char **field, struct note *why) MUST_CHECK;

#endif
