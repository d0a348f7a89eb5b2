/* auth/app_password.c: making, listing and removing app passwords. That they open is credentials.c's and auth.c's. */
#include "daemon/auth/app_password.h"

#include "daemon/auth/app_secret.h"
#include "daemon/auth/credentials.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/words.h"
#include "daemon/base/clock.h"
#include "daemon/directory/directory.h"
#include "db/control_app_password.h"

#define NETWORKS_TEXT_MAX 1024
#define SECRET_MAX 64
#define PROTOCOLS (AUTH_IMAP | AUTH_POP3 | AUTH_SMTP)

/* ---- making ---- */

struct making {
	struct db_app_password row;
	uint64_t id;
};

static enum err add(struct db *db, void *arg)
{
	struct making *m = arg;

	return db_app_password_add(db, &m->row, APP_PASSWORDS_MAX, &m->id);
}

static enum err check(const struct app_password *spec, struct buf *networks, struct note *why)
{
	enum err e = words_check_label(spec->label, why);

	if (e)
		return e;
	if (spec->protocols == 0 || spec->protocols & ~(unsigned)PROTOCOLS) {
		note_set(why, "an app password opens one or more of imap, pop3, smtp");
		return ERR_SYNTAX;
	}
	if (spec->expires_ms != 0 && spec->expires_ms <= clock_real_ms()) {
		note_set(why, "the end lies in the past");
		return ERR_SYNTAX;
	}
	return words_join_networks(spec->networks, spec->network_count, networks, why);
}

/* Salt, keys and row are one change. */
static enum err store(struct auth *a, struct making *m, struct span secret, struct note *why)
{
	char context[APP_SECRET_CONTEXT];
	struct scram_keys keys;
	struct buf sealed;
	enum err e = scram_keys_make(a->directory, m->row.account_id, secret, &keys);

	if (e)
		return e;
	buf_init(&sealed, sizeof(keys) + 64);
	e = directory_seal(a->directory, app_secret_context(m->row.account_id, context), span_make((const char *)&keys, sizeof(keys)), &sealed);
	m->row.keys_sealed = buf_span(&sealed);
	if (!e)
		e = directory_write(a->directory, add, m, why);
	if (e == ERR_LIMIT)
		note_set(why, "an account has at most %d app passwords", APP_PASSWORDS_MAX);
	explicit_bzero(&keys, sizeof(keys));
	buf_clear(&sealed);
	return e;
}

static enum err store_together(struct auth *a, struct making *m, struct span secret, struct note *why)
{
	const bool joins = directory_in_batch(a->directory);
	enum err e = joins ? ERR_OK : directory_begin(a->directory, why);

	if (e)
		return e;
	e = store(a, m, secret, why);
	if (!joins) {
		if (e)
			directory_end(a->directory);
		else
			e = directory_commit(a->directory, why);
	}
	auth_forget(a, m->row.account_id);
	return e;
}

enum err app_password_create(struct auth *a, uint64_t account_id, const struct app_password *spec, uint64_t *id_out, struct buf *secret, struct note *why)
{
	struct making m = { .row = { .account_id = account_id, .label = spec->label, .protocols = spec->protocols, .created_ms = clock_real_ms(), .expires_ms = spec->expires_ms } };
	uint8_t digest[SHA256_BYTES];
	struct buf networks, made;
	enum err e;

	buf_init(&networks, NETWORKS_TEXT_MAX);
	buf_init(&made, SECRET_MAX);
	(void)buf_reserve(&made, SECRET_MAX);
	e = check(spec, &networks, why);
	if (!e) {
		app_secret_make(&made);
		e = made.failed || !app_secret_digest(buf_span(&made), digest) ? ERR_TEMP : ERR_OK;
	}
	if (!e) {
		m.row.networks = buf_span(&networks);
		m.row.digest = span_make((const char *)digest, sizeof(digest));
		e = store_together(a, &m, buf_span(&made), why);
	}
	if (!e) {
		*id_out = m.id;
		buf_add(secret, buf_span(&made));
	}
	buf_wipe(&made);
	buf_clear(&networks);
	return e;
}

/* ---- what there is ---- */

struct listing {
	uint64_t account_id;
	struct arena *arena;
	struct app_password *list;
	size_t count;
};

static enum err add_row(void *arg, const struct db_app_password *row)
{
	struct listing *l = arg;
	struct app_password *p = &l->list[l->count];

	if (l->count == APP_PASSWORDS_MAX)
		return ERR_OK;
	*p = (struct app_password){
		.id = row->id,
		.label = arena_copy(l->arena, row->label),
		.protocols = row->protocols,
		.created_ms = row->created_ms,
		.expires_ms = row->expires_ms,
		.used_ms = row->used_ms,
		.used_from = arena_copy(l->arena, row->used_from),
	};
	l->count++;
	return words_split(arena_copy(l->arena, row->networks), l->arena, &p->networks, &p->network_count);
}

static enum err read_rows(struct db *db, void *arg)
{
	struct listing *l = arg;

	return db_app_password_each(db, l->account_id, add_row, l);
}

enum err app_password_list(struct auth *a, uint64_t account_id, struct arena *arena, struct app_password **out, size_t *count_out)
{
	struct listing l = { .account_id = account_id, .arena = arena, .list = arena_array(arena, APP_PASSWORDS_MAX, sizeof(*l.list)) };
	struct recent_row recent;
	enum err e = l.list ? directory_read(a->directory, read_rows, &l) : ERR_TEMP;

	*out = NULL;
	*count_out = 0;
	if (!e && arena->failed)
		e = ERR_TEMP;
	if (e)
		return e;
	for (size_t i = 0; i < l.count; i++) {
		if (!recent_find(a, RECENT_APP_PASSWORD, l.list[i].id, &recent))
			continue;
		l.list[i].used_ms = recent.at_ms;
		l.list[i].used_from = arena_copy(arena, span_str(net_ip_text(&recent.from).text));
	}
	*out = l.list;
	*count_out = l.count;
	return arena->failed ? ERR_TEMP : ERR_OK;
}

struct removing {
	uint64_t account_id, id;
};

static enum err remove_row(struct db *db, void *arg)
{
	const struct removing *r = arg;

	return db_app_password_remove(db, r->account_id, r->id);
}

enum err app_password_remove(struct auth *a, uint64_t account_id, uint64_t id)
{
	struct removing r = { account_id, id };
	enum err e = directory_write(a->directory, remove_row, &r, NULL);

	auth_forget(a, account_id);
	if (!e)
		recent_drop(a, RECENT_APP_PASSWORD, id);
	return e;
}
