/* api/grant.h: grants on mailboxes as the handlers of /users/{}/grants, /me/grants, /export and /apply share them: names, letters. Internal to api/. */
#ifndef POSTROOM_API_GRANT_H
#define POSTROOM_API_GRANT_H

#include "api/call.h"
#include "daemon/directory/grants.h"

struct mailbox_info;

/* The names of accounts' mailboxes: those of the account that was asked for last are kept. */
struct grant_names {
	const struct api_context *context;
	struct arena arena;
	uint64_t owner; /* 0: none is kept */
	struct mailbox_info *all;
	size_t count;
	enum err error; /* the first time that an account's mailboxes could not be read */
};
void grant_names_init(struct grant_names *n, const struct api_context *context);
void grant_names_clear(struct grant_names *n);
/* Borrowed until the next question; empty for GRANT_EVERY_MAILBOX. ERR_NOT_FOUND: it is gone. */
enum err grant_name_of(struct grant_names *n, uint64_t owner, uint64_t mailbox, struct span *out) MUST_CHECK;

/* By name in any form that names it. An account that has no mailboxes yet gets them; `makes`: this one too. */
enum err grant_mailbox(struct api_call *c, uint64_t owner, struct span name, bool makes, uint64_t *out, struct note *why) MUST_CHECK;

/* read, write, full, none, or letters of RFC 4314. */
enum err grant_rights(struct span text, unsigned *out, struct note *why) MUST_CHECK;
/* An account's address, or "anyone". ERR_NOT_FOUND. */
enum err grant_grantee(const struct snapshot *s, struct span text, uint64_t *out, struct note *why) MUST_CHECK;

/* `s`: where both are. */
struct json_t *grant_json(const struct snapshot *s, const struct grant *g, struct span mailbox);
/* The row itself. False: there is none. */
bool grant_find(const struct grants *g, uint64_t owner, uint64_t mailbox, uint64_t grantee, struct grant *out);
/* After a commit. */
void grants_tell(const struct api_context *context);

#endif
