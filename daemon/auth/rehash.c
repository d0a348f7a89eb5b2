/* auth/rehash.c: hash and SCRAM keys change together: in one transaction, or as part of the open batch. */
#include "daemon/auth/rehash.h"

#include "daemon/auth/inside.h"
#include "daemon/auth/imported.h"
#include "daemon/auth/password.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "db/control_account.h"
#include "db/control_credential.h"

#define HASH_MAX 512

struct storing {
	uint64_t account_id;
	struct span old; /* ptr null: whatever it is */
	struct span fresh;
};

static enum err store_hash(struct db *db, void *arg)
{
	const struct storing *s = arg;
	bool is_shared = false;
	enum err e;

	if (s->old.ptr)
		return db_credential_rehash(db, s->account_id, s->old, s->fresh);
	e = db_account_is_shared(db, s->account_id, &is_shared);
	if (!e && is_shared)
		e = ERR_STATE;
	return e ? e : db_account_set_password(db, s->account_id, s->fresh);
}

/* Without a password the keys are forgotten. An empty `fresh`: the hash stays. */
static enum err store_parts(struct auth *a, struct storing *s, const struct span *password, struct note *why)
{
	enum err e = s->fresh.len > 0 ? directory_write(a->directory, store_hash, s, why) : ERR_OK;

	if (e == ERR_STATE)
		note_set(why, "a shared account has no password: its mailboxes are granted to users");
	if (e)
		return e;
	e = password ? scram_keys_set(a->directory, s->account_id, *password) : scram_keys_forget(a->directory, s->account_id);
	return e == ERR_NOT_FOUND && !password ? ERR_OK : e;
}

static enum err store(struct auth *a, struct storing *s, const struct span *password, struct note *why)
{
	const bool joins = directory_in_batch(a->directory);
	enum err e = joins ? ERR_OK : directory_begin(a->directory, why);

	if (e)
		return e;
	e = store_parts(a, s, password, why);
	if (!joins) {
		if (e)
			directory_end(a->directory);
		else
			e = directory_commit(a->directory, why);
	}
	auth_forget(a, s->account_id);
	return e;
}

enum err auth_set_password(struct auth *a, uint64_t account_id, struct span password, struct note *why)
{
	const struct snapshot *snapshot = directory_hold(a->directory);
	const int64_t min = snapshot_number(snapshot, SETTING_PASSWORD_LENGTH_MIN);
	struct storing s = { .account_id = account_id };
	struct buf hash;
	enum err e;

	snapshot_release(&snapshot);
	if ((int64_t)password_characters(password) < min || password.len > AUTH_PASSWORD_MAX) {
		note_set(why, "a password has at least %lld characters and at most %d bytes", (long long)min, AUTH_PASSWORD_MAX);
		return ERR_LIMIT;
	}
	buf_init(&hash, HASH_MAX);
	e = auth_hash_password(password, &hash);
	s.fresh = buf_span(&hash);
	if (!e)
		e = store(a, &s, &password, why);
	buf_clear(&hash);
	return e;
}

enum err auth_set_imported_hash(struct auth *a, uint64_t account_id, struct span stored, struct note *why)
{
	struct storing s = { .account_id = account_id, .fresh = stored };

	if (!imported_is(stored) && !password_is_argon2(stored)) {
		note_set(why, "not a hash that is taken");
		return ERR_SYNTAX;
	}
	return store(a, &s, NULL, why);
}

/* What is stored now instead of *c. */
static bool look_again(struct auth *a, const struct credentials **c, struct span expected)
{
	const struct credentials *now = NULL;
	enum err e = credentials_hold(a, (*c)->cached.account_id, &now);
	bool same = !e && span_equals(now->password_hash, expected);

	credentials_release(c);
	*c = now;
	/* Gone, or not to be read: that is no other hash to try. */
	return same || !now;
}

bool rehash_when_wanted(struct auth *a, const struct credentials **c, struct span password)
{
	const bool ours = password_is_ours((*c)->password_hash);
	struct storing s = { .account_id = (*c)->cached.account_id, .old = (*c)->password_hash };
	struct note why = { "" };
	struct buf hash;
	enum err e = ERR_OK;
	bool same;

	if (ours && (*c)->scram.has_keys)
		return look_again(a, c, s.old);
	buf_init(&hash, HASH_MAX);
	/* A password shorter than today's minimum stays good, with its old hash. */
	if (!ours)
		e = auth_hash_password(password, &hash);
	s.fresh = ours ? s.old : buf_span(&hash);
	if (!e)
		e = store(a, &s, &password, &why);
	if (e && e != ERR_NOT_FOUND && e != ERR_LIMIT)
		log_event(LOG_WARN, "auth", "not_rehashed", "account=%llu error=%s why=%s", (unsigned long long)s.account_id, err_name(e), log_quote(span_str(why.text)).text);
	same = look_again(a, c, e ? s.old : s.fresh);
	buf_clear(&hash);
	return same;
}
