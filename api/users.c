/* api/users.c: /users: outside the word is user, inside the mailbox's owner is an account. */
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "api/pending.h"
#include "api/resources.h"
#include "daemon/auth/auth.h"
#include "daemon/base/clock.h"
#include "daemon/directory/manage.h"
#include "daemon/store/store.h"

#define ERASE_WAIT_MS 3000 /* for sessions and deliveries to let go of the mailbox */

static json_t *user_json(const struct account *a)
{
	char id[32];

	snprintf(id, sizeof id, "usr_%llu", (unsigned long long)a->id);
	return json_pack("{s:s, s:o, s:s, s:b, s:o}", "id", id, "address", json_span(a->address), "role", a->role == ROLE_OWNER ? "owner" : "user", "suspended", a->suspended, "created_at", json_time(a->created_ms));
}

/* The account that the path names, by id or address; 404 otherwise. Copies what is needed, holds nothing. */
static bool find_user(struct api_call *c, uint64_t *id_out)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *account = NULL;
	uint64_t id;

	if (span_starts(c->args[0], SPAN("usr_")) && span_to_u64(span_skip(c->args[0], 4), INT64_MAX, &id) == ERR_OK)
		account = snapshot_account(s, id);
	else
		account = snapshot_account_by_login(s, c->args[0]);
	if (account)
		*id_out = account->id;
	else
		call_reply_problem(c, 404, "not_found", NULL, "there is no such user");
	snapshot_release(&s);
	return account != NULL;
}

static void reply_user(struct api_call *c, int status, uint64_t id)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *account = snapshot_account(s, id);
	json_t *out = account ? user_json(account) : NULL;

	snapshot_release(&s);
	if (out)
		call_reply_json(c, status, &out);
	else
		call_reply_problem(c, 404, "not_found", NULL, "the user was removed meanwhile");
}

/* Hashes into `hash` (the caller clears it with buf_wipe); answers 422 when the password's length is wrong. */
static bool hash_password(struct api_call *c, struct span password, struct buf *hash)
{
	enum err e = auth_hash_password(password, hash);

	if (e == ERR_LIMIT)
		call_reply_problem(c, 422, "password_length", "password", "a password has %d to %d characters", AUTH_PASSWORD_MIN, AUTH_PASSWORD_MAX);
	else if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	return e == ERR_OK;
}

static void end_sessions(struct api_call *c, uint64_t id)
{
	if (c->context->end_sessions)
		c->context->end_sessions(c->context->arg, id);
}

void api_users_list(struct api_call *c)
{
	const struct snapshot *s = directory_hold(c->context->directory);
	const struct account *const *accounts;
	size_t count = snapshot_accounts(s, &accounts);
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, user_json(accounts[i]));
	snapshot_release(&s);
	call_reply_page(c, &(struct page){ .list = list, .total = -1 });
}

void api_user_create(struct api_call *c)
{
	struct span address = SPAN(""), password = SPAN("");
	const struct body_field fields[] = {
		{ .name = "address", .kind = FIELD_STRING, .required = true, .string = &address },
		{ .name = "password", .kind = FIELD_STRING, .required = true, .string = &password },
	};
	struct note why = { "" };
	struct buf hash;
	uint64_t id = 0;
	enum err e;

	if (!call_read_body(c, fields, 2))
		return;
	buf_init(&hash, 1024);
	if (hash_password(c, password, &hash)) {
		e = directory_account_add(c->context->directory, address, buf_span(&hash), ROLE_USER, &id, &why);
		if (e == ERR_OK)
			reply_user(c, 201, id);
		else
			call_reply_error(c, e, &why);
	}
	buf_wipe(&hash);
}

void api_user_update(struct api_call *c)
{
	bool suspended = false, given = false;
	const struct body_field fields[] = { { .name = "suspended", .kind = FIELD_BOOL, .boolean = &suspended, .given = &given } };
	struct note why = { "" };
	uint64_t id;
	enum err e = ERR_OK;

	if (!call_read_body(c, fields, 1) || !find_user(c, &id))
		return;
	if (given)
		e = directory_account_set_suspended(c->context->directory, id, suspended, &why);
	if (e != ERR_OK) {
		call_reply_error(c, e, &why);
		return;
	}
	if (given && suspended)
		end_sessions(c, id);
	reply_user(c, 200, id);
}

void api_user_password_set(struct api_call *c)
{
	struct span password = SPAN("");
	const struct body_field fields[] = { { .name = "password", .kind = FIELD_STRING, .required = true, .string = &password } };
	struct note why = { "" };
	struct buf hash;
	uint64_t id;
	enum err e;

	if (!call_read_body(c, fields, 1) || !find_user(c, &id))
		return;
	buf_init(&hash, 1024);
	if (hash_password(c, password, &hash)) {
		e = directory_account_set_password(c->context->directory, id, buf_span(&hash), &why);
		if (e == ERR_OK) {
			end_sessions(c, id);
			call_reply_empty(c);
		} else {
			call_reply_error(c, e, &why);
		}
	}
	buf_wipe(&hash);
}

/* Sessions were told to end; a delivery may be in the middle. The folder goes when the last has let go. */
static enum err erase_mailbox(struct api_call *c, uint64_t id, struct note *why)
{
	int64_t until = clock_mono_ms() + ERASE_WAIT_MS;
	enum err e;

	while ((e = store_erase(c->context->store, id, why)) == ERR_STATE && clock_mono_ms() < until)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	return e;
}

/* Suspended first, so that nothing new comes; then the mailbox, then the row: a failure on the way leaves a suspended user who can be removed again. */
void api_user_delete(struct api_call *c)
{
	struct note why = { "" };
	uint64_t id;
	enum err e;

	if (!find_user(c, &id))
		return;
	e = directory_account_set_suspended(c->context->directory, id, true, &why);
	if (e == ERR_OK) {
		end_sessions(c, id);
		e = erase_mailbox(c, id, &why);
	}
	if (e == ERR_OK)
		e = directory_account_remove(c->context->directory, id, &why);
	if (e == ERR_OK)
		call_reply_empty(c);
	else
		call_reply_error(c, e, &why);
}
