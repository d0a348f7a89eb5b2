/* auth/credentials.c: reading and keeping them. */
#include "daemon/auth/credentials.h"

#include "daemon/auth/app_secret.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/words.h"
#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "db/control_app_password.h"
#include "db/control_credential.h"

#define CREDENTIALS_BYTES_MAX (64 * 1024)
#define SEALED_KEYS_MAX 256

struct reading {
	struct auth *auth;
	struct credentials *into;
	struct app_credential *apps;
	size_t app_max;
	struct span *sealed; /* keys of each app */
};

static enum err count_app(void *arg, const struct db_app_password *row)
{
	struct reading *r = arg;

	(void)row;
	r->app_max++;
	return ERR_OK;
}

static enum err add_app(void *arg, const struct db_app_password *row)
{
	struct reading *r = arg;
	struct arena *arena = &r->into->cached.arena;
	struct app_credential *app = &r->apps[r->into->app_count];

	if (r->into->app_count >= r->app_max || row->digest.len != sizeof(app->digest))
		return ERR_CORRUPT;
	app->id = row->id;
	app->protocols = row->protocols;
	app->expires_ms = row->expires_ms;
	memcpy(app->digest, row->digest.ptr, sizeof(app->digest));
	r->sealed[r->into->app_count++] = arena_copy(arena, row->keys_sealed);
	return words_networks(row->networks, arena, &app->networks, &app->network_count);
}

static enum err read_rows(struct db *db, void *arg)
{
	struct reading *r = arg;
	struct credentials *c = r->into;
	struct arena *arena = &c->cached.arena;
	enum err e = db_credential_get(db, c->cached.account_id, arena, &c->password_hash, &c->second_factor);

	if (!e)
		e = db_app_password_each(db, c->cached.account_id, count_app, r);
	if (e || r->app_max == 0)
		return e;
	r->apps = arena_array(arena, r->app_max, sizeof(*r->apps));
	r->sealed = arena_array(arena, r->app_max, sizeof(*r->sealed));
	if (!r->apps || !r->sealed)
		return ERR_TEMP;
	c->apps = r->apps;
	return db_app_password_each(db, c->cached.account_id, add_app, r);
}

/* Keys that do not open leave an app password without SCRAM. */
static void open_keys(const struct reading *r)
{
	struct buf plain;

	buf_init(&plain, SEALED_KEYS_MAX);
	for (size_t i = 0; i < r->into->app_count; i++) {
		char context[APP_SECRET_CONTEXT];

		buf_reset(&plain);
		if (directory_unseal(r->auth->directory, app_secret_context(r->into->cached.account_id, context), r->sealed[i], &plain) || plain.len != sizeof(r->apps[i].keys))
			continue;
		memcpy(&r->apps[i].keys, plain.ptr, sizeof(r->apps[i].keys));
		r->apps[i].has_keys = true;
	}
	buf_wipe(&plain);
}

static struct cache_key key_of(uint64_t account_id)
{
	struct cache_key key = { { 0 } };

	memcpy(key.bytes, &account_id, sizeof(account_id));
	return key;
}

enum err credentials_hold(struct auth *a, uint64_t account_id, const struct credentials **out)
{
	const struct cache_key key = key_of(account_id);
	struct reading r = { .auth = a };
	uint64_t before;
	enum err e;

	*out = (const struct credentials *)cache_find(&a->credentials, &key);
	if (*out)
		return ERR_OK;
	before = cache_before_reading(&a->credentials);
	r.into = cached_new(sizeof(*r.into), CREDENTIALS_BYTES_MAX, &key, account_id);
	if (!r.into)
		return ERR_TEMP;
	e = directory_read(a->directory, read_rows, &r);
	if (!e) {
		open_keys(&r);
		e = scram_row_read(a->directory, account_id, &r.into->scram);
		r.into->has_scram = e == ERR_OK;
		e = e == ERR_NOT_FOUND || e == ERR_CORRUPT ? ERR_OK : e;
	}
	if (!e && r.into->cached.arena.failed)
		e = ERR_TEMP;
	if (e) {
		cached_release(&r.into->cached);
		return e;
	}
	cache_keep(&a->credentials, &r.into->cached, before);
	*out = r.into;
	return ERR_OK;
}

void credentials_release(const struct credentials **c)
{
	if (*c)
		cached_release((struct cached *)(uintptr_t) & (*c)->cached);
	*c = NULL;
}

bool app_credential_opens(const struct app_credential *app, enum auth_protocol protocol, const struct net_addr *peer)
{
	if (!(app->protocols & (unsigned)protocol) || (app->expires_ms && app->expires_ms <= clock_real_ms()))
		return false;
	return app->network_count == 0 || (peer && net_cidrs_have(app->networks, app->network_count, peer));
}

uint64_t credentials_number(const struct auth *a, const struct credentials *c, const struct app_credential *app)
{
	struct proven_tag tag;
	uint64_t number;

	if (app)
		proven_make_tag(&a->proven, c->cached.account_id, SPAN("app"), span_make((const char *)app->digest, sizeof(app->digest)), &tag);
	else
		proven_make_tag(&a->proven, c->cached.account_id, c->password_hash, c->second_factor ? SPAN("and another") : SPAN(""), &tag);
	memcpy(&number, tag.bytes, sizeof(number));
	return number;
}
