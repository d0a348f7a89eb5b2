/* api/user.h: users as the handlers of /users share them: finding, showing, choosing, and who may manage whom. Internal to api/. */
#ifndef POSTROOM_API_USER_H
#define POSTROOM_API_USER_H

#include "api/call.h"

extern const char *const user_role_names[]; /* by enum role */
const char *user_type_name(bool is_shared);

struct json_t *user_json(const struct account *a);
/* What the mailboxes hold now; null: it cannot be read. */
struct json_t *user_usage_json(const struct api_context *context, uint64_t id);
/* By id ("usr_7") or address. ERR_NOT_FOUND: none, or not in a domain that the caller reaches. */
enum err user_find(const struct api_call *c, const struct snapshot *s, struct span name, const struct account **out, struct note *why) MUST_CHECK;
/* ERR_DENIED: owners are managed by owners; who has a role at all not by domain admins, and not with a token: it would be as good as that role. */
enum err user_may_manage(const struct api_call *c, const struct account *a, struct note *why) MUST_CHECK;

/* Opens the batch for a change of the path's user, whom the caller may manage. False: answered. */
bool user_begin(struct api_call *c, uint64_t *id_out, struct span *address_out);

struct user_filter {
	struct span q, domain; /* q as given_fold() makes it; empty: any */
	int role, suspended;   /* -1: any */
};
/* What the query, or the object `filter` of the body, asks for. */
struct user_filter user_filter_of_query(struct api_call *c);
bool user_fits(const struct api_call *c, const struct user_filter *f, const struct account *a);
#define USER_ROLE_NONE (-1)
/* Of an enum role; USER_ROLE_NONE when it has another name. */
int user_role_of(struct span name);

/* In the batch. Who is suspended is logged out for good: a cookie that somebody stole opens nothing when the suspension is over. */
enum err user_set_suspended(const struct api_context *context, uint64_t id, bool suspended, struct note *why) MUST_CHECK;
/* Ends what the user is logged in with, after a commit. */
void user_end_sessions(const struct api_context *context, uint64_t id);
/* The same of these protocols only: bits of enum auth_protocol. */
void user_end_protocols(const struct api_context *context, uint64_t id, unsigned protocols);
/* Of a user who is suspended already, to be removed: ends the sessions, and the folder goes when the last of them and the last delivery have let go: waits
 * a few seconds for that. ERR_STATE: they did not; the suspension is what it was before. */
enum err user_erase_mailbox(const struct api_context *context, uint64_t id, bool was_suspended, struct note *why) MUST_CHECK;

#endif
