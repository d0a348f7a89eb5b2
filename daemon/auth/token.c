/* auth/token.c: API tokens: made, checked, listed, removed.
 *
 *   token = "prm_pat_" 32(ALPHA / DIGIT) 6(checksum)      ; checksum: CRC-32 of what stands before it, in base 62, as secret scanners know it
 */
#include "daemon/auth/token.h"

#include "daemon/auth/attempt.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/words.h"
#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"
#include "db/control_token.h"

#define PREFIX "prm_pat_"
#define LETTERS 32
#define CHECKSUM 6
#define TOKEN_BYTES (sizeof(PREFIX) - 1 + LETTERS + CHECKSUM)
#define SCOPES_MAX 100
#define DOMAINS_MAX 200
#define WORDS_TEXT_MAX (64 * 1024)
#define CACHED_BYTES_MAX (256 * 1024)
#define LIST_PART 500
#define LIST_MAX 20000

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static uint32_t crc32_of(struct span text)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < text.len; i++) {
		crc ^= (unsigned char)text.ptr[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

static void write_checksum(struct span text, char out[CHECKSUM])
{
	uint32_t crc = crc32_of(text);

	for (int i = CHECKSUM; i-- > 0; crc /= 62)
		out[i] = alphabet[crc % 62];
}

static bool is_token(struct span secret)
{
	char checksum[CHECKSUM];

	if (secret.len != TOKEN_BYTES || !span_starts(secret, SPAN(PREFIX)))
		return false;
	write_checksum(span_take(secret, TOKEN_BYTES - CHECKSUM), checksum);
	return crypto_equals(checksum, secret.ptr + TOKEN_BYTES - CHECKSUM, CHECKSUM);
}

static void make_secret(struct buf *out)
{
	char text[TOKEN_BYTES];

	memcpy(text, PREFIX, sizeof(PREFIX) - 1);
	for (size_t i = 0; i < LETTERS; i++)
		text[sizeof(PREFIX) - 1 + i] = alphabet[rng_below(sizeof(alphabet) - 1)];
	write_checksum(span_make(text, TOKEN_BYTES - CHECKSUM), text + TOKEN_BYTES - CHECKSUM);
	buf_add(out, span_make(text, sizeof(text)));
	explicit_bzero(text, sizeof(text));
}

/* ---- making ---- */

struct making {
	struct db_token row;
	uint64_t id;
};

static enum err add(struct db *db, void *arg)
{
	struct making *m = arg;

	return db_token_add(db, &m->row, TOKENS_MAX, &m->id);
}

struct texts {
	struct buf scopes, domains, networks;
};

static enum err check(const struct token *spec, struct texts *t, struct note *why)
{
	enum err e = words_check_label(spec->label, why);

	if (e)
		return e;
	if (spec->expires_ms != 0 && spec->expires_ms <= clock_real_ms()) {
		note_set(why, "the end lies in the past");
		return ERR_SYNTAX;
	}
	e = words_join(spec->scopes, spec->scope_count, SCOPES_MAX, &t->scopes);
	if (!e)
		e = words_join(spec->domains, spec->domain_count, DOMAINS_MAX, &t->domains);
	if (e) {
		note_set(why, "at most %d scopes and %d domains, each a word", SCOPES_MAX, DOMAINS_MAX);
		return e;
	}
	return words_join_networks(spec->networks, spec->network_count, &t->networks, why);
}

enum err token_create(struct auth *a, const struct token *spec, uint64_t *id_out, struct buf *secret, struct note *why)
{
	struct making m = { .row = { .account_id = spec->account_id, .label = spec->label, .created_ms = clock_real_ms(), .expires_ms = spec->expires_ms } };
	uint8_t digest[SHA256_BYTES];
	struct texts t;
	struct buf made;
	enum err e;

	buf_init(&t.scopes, WORDS_TEXT_MAX);
	buf_init(&t.domains, WORDS_TEXT_MAX);
	buf_init(&t.networks, WORDS_TEXT_MAX);
	buf_init(&made, TOKEN_BYTES);
	e = check(spec, &t, why);
	if (!e) {
		make_secret(&made);
		crypto_sha256(buf_span(&made), digest);
		m.row.digest = span_make((const char *)digest, sizeof(digest));
		m.row.scopes = buf_span(&t.scopes);
		m.row.domains = buf_span(&t.domains);
		m.row.networks = buf_span(&t.networks);
		e = made.failed ? ERR_TEMP : directory_write(a->directory, add, &m, why);
	}
	if (e == ERR_LIMIT && why && !why->text[0])
		note_set(why, "an account has at most %d tokens", TOKENS_MAX);
	if (!e) {
		*id_out = m.id;
		buf_add(secret, buf_span(&made));
	}
	buf_wipe(&made);
	buf_clear(&t.scopes);
	buf_clear(&t.domains);
	buf_clear(&t.networks);
	return e;
}

/* ---- checking ---- */

struct kept_token {
	struct cached cached;
	struct token token; /* in the arena of `cached` */
	const struct net_cidr *cidrs;
	size_t cidr_count;
};

static enum err copy_row(const struct db_token *row, struct arena *arena, struct token *out)
{
	enum err e;

	*out = (struct token){
		.id = row->id,
		.account_id = row->account_id,
		.label = arena_copy(arena, row->label),
		.created_ms = row->created_ms,
		.expires_ms = row->expires_ms,
		.used_ms = row->used_ms,
		.used_from = arena_copy(arena, row->used_from),
	};
	e = words_split(arena_copy(arena, row->scopes), arena, &out->scopes, &out->scope_count);
	if (!e)
		e = words_split(arena_copy(arena, row->domains), arena, &out->domains, &out->domain_count);
	if (!e)
		e = words_split(arena_copy(arena, row->networks), arena, &out->networks, &out->network_count);
	return e;
}

struct looking {
	const struct cache_key *digest;
	struct kept_token *found;
};

static enum err keep_row(void *arg, const struct db_token *row)
{
	struct looking *l = arg;
	struct arena *arena;
	enum err e;

	if (row->digest.len != sizeof(l->digest->bytes) || !crypto_equals(row->digest.ptr, l->digest->bytes, sizeof(l->digest->bytes)))
		return ERR_NOT_FOUND;
	l->found = cached_new(sizeof(*l->found), CACHED_BYTES_MAX, l->digest, row->account_id);
	if (!l->found)
		return ERR_TEMP;
	arena = &l->found->cached.arena;
	e = copy_row(row, arena, &l->found->token);
	if (!e)
		e = words_networks(arena_copy(arena, row->networks), arena, &l->found->cidrs, &l->found->cidr_count);
	return !e && arena->failed ? ERR_TEMP : e;
}

static enum err read_token(struct db *db, void *arg)
{
	struct looking *l = arg;

	return db_token_find(db, span_make((const char *)l->digest->bytes, sizeof(l->digest->bytes)), keep_row, l);
}

static enum err find(struct auth *a, const struct cache_key *digest, struct kept_token **out)
{
	struct looking l = { .digest = digest };
	uint64_t before;
	enum err e;

	*out = (struct kept_token *)cache_find(&a->tokens, digest);
	if (*out)
		return ERR_OK;
	before = cache_before_reading(&a->tokens);
	e = directory_read(a->directory, read_token, &l);
	if (e) {
		cached_release(l.found ? &l.found->cached : NULL);
		return e;
	}
	cache_keep(&a->tokens, &l.found->cached, before);
	*out = l.found;
	return ERR_OK;
}

static bool opens(struct auth *a, const struct kept_token *t, const struct net_addr *peer)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, t->token.account_id);
	bool good = account && !account->disabled && !account->is_shared && (!t->token.expires_ms || t->token.expires_ms > clock_real_ms());

	snapshot_release(&s);
	return good && (t->cidr_count == 0 || (peer && net_cidrs_have(t->cidrs, t->cidr_count, peer)));
}

static const struct span *copy_spans(struct arena *arena, const struct span *list, size_t count)
{
	struct span *copy = arena_array(arena, count, sizeof(*copy));

	for (size_t i = 0; copy && i < count; i++)
		copy[i] = arena_copy(arena, list[i]);
	return copy;
}

static enum err hand_out(const struct token *t, struct arena *arena, struct token *out)
{
	*out = *t;
	out->label = arena_copy(arena, t->label);
	out->used_from = arena_copy(arena, t->used_from);
	out->scopes = copy_spans(arena, t->scopes, t->scope_count);
	out->domains = copy_spans(arena, t->domains, t->domain_count);
	out->networks = copy_spans(arena, t->networks, t->network_count);
	return arena->failed ? ERR_TEMP : ERR_OK;
}

/* A token that there is (run out, in the wrong place) is no guess. */
static enum err wrong(struct auth *a, const struct cache_key *digest, const struct net_addr *peer)
{
	struct attempt t;
	int64_t retry_after_ms;
	uint64_t tried;

	attempt_begin_account(a, AUTH_WEB, 0, peer, &t);
	if (attempt_is_refused(a, &t, &retry_after_ms))
		return ERR_LIMIT;
	memcpy(&tried, digest->bytes, sizeof(tried));
	(void)attempt_failed(a, &t, tried ? tried : 1);
	return ERR_DENIED;
}

enum err token_check(struct auth *a, struct span secret, const struct net_addr *peer, struct arena *arena, struct token *out)
{
	struct kept_token *t = NULL;
	struct cache_key digest;
	enum err e;

	/* What is no token at all guesses none. */
	if (!is_token(secret))
		return ERR_DENIED;
	crypto_sha256(secret, digest.bytes);
	e = find(a, &digest, &t);
	if (e)
		return e == ERR_NOT_FOUND ? wrong(a, &digest, peer) : e;
	e = opens(a, t, peer) ? hand_out(&t->token, arena, out) : ERR_DENIED;
	if (!e)
		recent_use(a, RECENT_TOKEN, t->token.id, peer);
	cached_release(&t->cached);
	return e;
}

/* ---- what there is ---- */

struct listing {
	uint64_t account_id, after_id;
	struct arena *arena;
	struct token *list;
	size_t count, max, seen;
};

static enum err add_row(void *arg, const struct db_token *row)
{
	struct listing *l = arg;

	if (l->count == l->max) {
		size_t more = l->max ? l->max * 2 : 64;
		struct token *list = more <= LIST_MAX * 2 ? arena_array(l->arena, more, sizeof(*list)) : NULL;

		if (!list)
			return ERR_LIMIT;
		if (l->count > 0)
			memcpy(list, l->list, l->count * sizeof(*list));
		l->list = list;
		l->max = more;
	}
	l->seen++;
	l->after_id = row->id;
	return copy_row(row, l->arena, &l->list[l->count++]);
}

static enum err read_part(struct db *db, void *arg)
{
	struct listing *l = arg;

	l->seen = 0;
	return db_token_each(db, l->account_id, l->after_id, LIST_PART, add_row, l);
}

enum err token_list(struct auth *a, uint64_t account_id, struct arena *arena, struct token **out, size_t *count_out)
{
	struct listing l = { .account_id = account_id, .arena = arena };
	struct recent_row recent;
	enum err e;

	*out = NULL;
	*count_out = 0;
	do
		e = directory_read(a->directory, read_part, &l);
	while (!e && l.seen == LIST_PART && l.count < LIST_MAX);
	if (!e && arena->failed)
		e = ERR_TEMP;
	if (e)
		return e;
	for (size_t i = 0; i < l.count; i++) {
		if (!recent_find(a, RECENT_TOKEN, l.list[i].id, &recent))
			continue;
		l.list[i].used_ms = recent.at_ms;
		l.list[i].used_from = arena_copy(arena, span_str(net_ip_text(&recent.from).text));
	}
	*out = l.list;
	*count_out = l.count;
	return arena->failed ? ERR_TEMP : ERR_OK;
}

static enum err remove_row(struct db *db, void *arg)
{
	return db_token_remove(db, *(const uint64_t *)arg);
}

enum err token_remove(struct auth *a, uint64_t id)
{
	enum err e = directory_write(a->directory, remove_row, &id, NULL);

	cache_forget(&a->tokens, 0);
	if (!e)
		recent_drop(a, RECENT_TOKEN, id);
	return e;
}
