/* auth/web_session.c: sessions of browsers: what the cookie means. */
#include "daemon/auth/web_session.h"

#include "daemon/auth/attempt.h"
#include "daemon/auth/inside.h"
#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "db/control_session.h"

#define COOKIE_BYTES 32
#define COOKIE_LETTERS 43
#define AGENT_MAX 200
#define CACHED_BYTES_MAX 4096
#define HOUR_MS ((int64_t)3600 * 1000)

struct kept_session {
	struct cached cached;
	uint64_t id;
	int64_t created_ms, seen_ms, proven_ms;
	struct span seen_from, agent; /* in the arena of `cached` */
};

/* ---- making ---- */

struct making {
	struct db_session row;
	uint64_t id;
};

static enum err add(struct db *db, void *arg)
{
	struct making *m = arg;

	return db_session_add(db, &m->row, WEB_SESSIONS_MAX, &m->id);
}

static struct span cut_agent(struct span agent)
{
	agent = span_take(agent, AGENT_MAX);
	while (agent.len > 0 && !span_is_utf8(agent))
		agent.len--;
	return agent;
}

static struct net_addr_text peer_text(const struct net_addr *peer)
{
	static const struct net_addr nowhere = { .family = NET_UNIX };

	return net_ip_text(peer ? peer : &nowhere);
}

enum err web_session_create(struct auth *a, uint64_t account_id, const struct net_addr *peer, struct span agent, uint64_t *id_out, struct buf *cookie)
{
	const int64_t now_ms = clock_real_ms();
	const struct net_addr_text from = peer_text(peer);
	struct making m = { .row = { .account_id = account_id, .created_ms = now_ms, .seen_ms = now_ms, .proven_ms = now_ms, .seen_from = span_str(from.text), .agent = cut_agent(agent) } };
	uint8_t secret[COOKIE_BYTES], digest[SHA256_BYTES];
	struct attempt t;
	struct buf text;
	enum err e;

	buf_init(&text, COOKIE_LETTERS + 1);
	rng_bytes(secret, sizeof(secret));
	base64url_encode(span_make((const char *)secret, sizeof(secret)), &text);
	crypto_sha256(buf_span(&text), digest);
	m.row.digest = span_make((const char *)digest, sizeof(digest));
	e = text.failed ? ERR_TEMP : directory_write(a->directory, add, &m, NULL);
	/* Older ones may have made room. */
	cache_forget(&a->sessions, account_id);
	if (!e) {
		*id_out = m.id;
		buf_add(cookie, buf_span(&text));
		attempt_begin_account(a, AUTH_WEB, account_id, peer, &t);
		attempt_passed(a, &t, 0);
		attempt_tell(a, &t, EVENT_LOGIN_SUCCEEDED);
	}
	explicit_bzero(secret, sizeof(secret));
	buf_wipe(&text);
	return e;
}

/* ---- checking ---- */

struct looking {
	const struct cache_key *digest;
	struct kept_session *found;
};

static enum err keep_row(void *arg, const struct db_session *row)
{
	struct looking *l = arg;
	struct kept_session *k;

	if (row->digest.len != sizeof(l->digest->bytes) || !crypto_equals(row->digest.ptr, l->digest->bytes, sizeof(l->digest->bytes)))
		return ERR_NOT_FOUND;
	k = l->found = cached_new(sizeof(*k), CACHED_BYTES_MAX, l->digest, row->account_id);
	if (!k)
		return ERR_TEMP;
	k->id = row->id;
	k->created_ms = row->created_ms;
	k->seen_ms = row->seen_ms;
	k->proven_ms = row->proven_ms;
	k->seen_from = arena_copy(&k->cached.arena, row->seen_from);
	k->agent = arena_copy(&k->cached.arena, row->agent);
	return k->cached.arena.failed ? ERR_TEMP : ERR_OK;
}

static enum err read_session(struct db *db, void *arg)
{
	struct looking *l = arg;

	return db_session_find(db, span_make((const char *)l->digest->bytes, sizeof(l->digest->bytes)), keep_row, l);
}

static enum err find(struct auth *a, const struct cache_key *digest, struct kept_session **out)
{
	struct looking l = { .digest = digest };
	uint64_t before;
	enum err e;

	*out = (struct kept_session *)cache_find(&a->sessions, digest);
	if (*out)
		return ERR_OK;
	before = cache_before_reading(&a->sessions);
	e = directory_read(a->directory, read_session, &l);
	if (e) {
		cached_release(l.found ? &l.found->cached : NULL);
		return e;
	}
	cache_keep(&a->sessions, &l.found->cached, before);
	*out = l.found;
	return ERR_OK;
}

static int64_t seen_since(struct auth *a)
{
	const struct snapshot *s = directory_hold(a->directory);
	int64_t hours = snapshot_number(s, SETTING_SESSION_IDLE_HOURS);

	snapshot_release(&s);
	return clock_real_ms() - hours * HOUR_MS;
}

static bool may_log_in(struct auth *a, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);
	bool may = account && !account->disabled && !account->is_shared;

	snapshot_release(&s);
	return may;
}

/* A clock that was set back has proven nothing. */
static bool is_proven(int64_t proven_ms)
{
	int64_t ago_ms = clock_real_ms() - proven_ms;

	return ago_ms >= 0 && ago_ms < WEB_SESSION_PROVEN_MS;
}

/* Seen in control.db, or since then. */
static enum err fill(struct auth *a, const struct kept_session *k, struct arena *arena, struct web_session *out)
{
	struct recent_row recent;

	*out = (struct web_session){
		.id = k->id,
		.account_id = k->cached.account_id,
		.created_ms = k->created_ms,
		.seen_ms = k->seen_ms,
		.proven = is_proven(k->proven_ms),
		.agent = arena_copy(arena, k->agent),
	};
	if (recent_find(a, RECENT_SESSION, k->id, &recent)) {
		out->seen_ms = recent.at_ms;
		out->seen_from = arena_copy(arena, span_str(net_ip_text(&recent.from).text));
	} else {
		out->seen_from = arena_copy(arena, k->seen_from);
	}
	return arena->failed ? ERR_TEMP : ERR_OK;
}

enum err web_session_check(struct auth *a, struct span cookie, const struct net_addr *peer, struct arena *arena, struct web_session *out)
{
	struct kept_session *k;
	struct cache_key digest;
	enum err e;

	if (cookie.len != COOKIE_LETTERS)
		return ERR_DENIED;
	crypto_sha256(cookie, digest.bytes);
	e = find(a, &digest, &k);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_DENIED : e;
	e = may_log_in(a, k->cached.account_id) ? fill(a, k, arena, out) : ERR_DENIED;
	if (!e && out->seen_ms < seen_since(a))
		e = ERR_DENIED;
	if (!e)
		recent_use(a, RECENT_SESSION, k->id, peer);
	cached_release(&k->cached);
	return e;
}

void web_session_csrf(const struct auth *a, struct span cookie, struct buf *out)
{
	uint8_t tag[SHA256_BYTES];

	(void)a;
	/* The cookie is the key: whoever knows the token does not know it, and a restart changes nothing. */
	crypto_hmac_sha256(cookie, SPAN("postroom csrf"), tag);
	base64url_encode(span_make((const char *)tag, sizeof(tag)), out);
}

/* ---- changing ---- */

struct naming {
	uint64_t account_id, id;
};

static enum err prove(struct db *db, void *arg)
{
	struct naming *n = arg;
	enum err e = db_session_account(db, n->id, &n->account_id);

	return e ? e : db_session_set_proven(db, n->id, clock_real_ms());
}

enum err web_session_prove(struct auth *a, uint64_t id)
{
	struct naming n = { .id = id };
	enum err e = directory_write(a->directory, prove, &n, NULL);

	if (n.account_id)
		cache_forget(&a->sessions, n.account_id);
	return e;
}

static enum err remove_one(struct db *db, void *arg)
{
	const struct naming *n = arg;

	return db_session_remove(db, n->account_id, n->id);
}

enum err web_session_remove(struct auth *a, uint64_t account_id, uint64_t id)
{
	struct naming n = { account_id, id };
	enum err e = directory_write(a->directory, remove_one, &n, NULL);

	cache_forget(&a->sessions, account_id);
	return e;
}

static enum err remove_others(struct db *db, void *arg)
{
	const struct naming *n = arg;

	return db_session_remove_others(db, n->account_id, n->id);
}

enum err web_session_remove_others(struct auth *a, uint64_t account_id, uint64_t keep_id)
{
	struct naming n = { account_id, keep_id };
	enum err e = directory_write(a->directory, remove_others, &n, NULL);

	cache_forget(&a->sessions, account_id);
	return e;
}

static enum err remove_domain(struct db *db, void *arg)
{
	return db_session_remove_domain(db, *(const struct span *)arg);
}

enum err web_session_remove_domain(struct auth *a, struct span domain)
{
	return directory_write(a->directory, remove_domain, &domain, NULL);
}

/* ---- what there is ---- */

struct listing {
	struct auth *auth;
	uint64_t account_id;
	struct arena *arena;
	struct web_session *list;
	size_t count;
};

static enum err add_row(void *arg, const struct db_session *row)
{
	struct listing *l = arg;
	const struct kept_session k = { .cached = { .account_id = row->account_id }, .id = row->id, .created_ms = row->created_ms, .seen_ms = row->seen_ms, .proven_ms = row->proven_ms, .seen_from = row->seen_from, .agent = row->agent };

	if (l->count == WEB_SESSIONS_MAX)
		return ERR_OK;
	return fill(l->auth, &k, l->arena, &l->list[l->count++]);
}

static enum err read_rows(struct db *db, void *arg)
{
	struct listing *l = arg;

	return db_session_each(db, l->account_id, add_row, l);
}

enum err web_session_list(struct auth *a, uint64_t account_id, struct arena *arena, struct web_session **out, size_t *count_out)
{
	struct listing l = { .auth = a, .account_id = account_id, .arena = arena, .list = arena_array(arena, WEB_SESSIONS_MAX, sizeof(*l.list)) };
	const int64_t since_ms = seen_since(a);
	enum err e = l.list ? directory_read(a->directory, read_rows, &l) : ERR_TEMP;
	size_t kept = 0;

	*out = NULL;
	*count_out = 0;
	if (e)
		return e;
	for (size_t i = 0; i < l.count; i++) {
		if (l.list[i].seen_ms >= since_ms)
			l.list[kept++] = l.list[i];
	}
	*out = l.list;
	*count_out = kept;
	return ERR_OK;
}
