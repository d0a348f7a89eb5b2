/* directory/build.c: reading control.db into a snapshot.
 *
 * Arrays grow while rows are read; only when all are there are pointers into them made.
 */
#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/base/size.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/snapshot.h"
#include "db/control_account.h"
#include "db/control_alias.h"
#include "db/control_domain.h"
#include "db/control_relay.h"
#include "db/control_setting.h"

#define TEXT_MAX ((size_t)2 << 30)
#define PASSWORD_MAX 4096
#define ROLES 5

struct target {
	struct span key, base_key;
};

struct builder {
	struct snapshot *s;
	const struct seal_key *data_key;
	size_t account_cap, grant_cap, domain_cap, alias_cap, target_cap, relay_cap, named_cap;
	struct target *target_keys; /* beside s->targets */
	size_t target_keys_cap;
};

/* Room for one more. */
static bool grow(void *array, size_t *cap, size_t count, size_t size)
{
	void **p = array, *bigger;
	size_t want = *cap ? *cap * 2 : 64, bytes;

	if (count < *cap)
		return true;
	if (!size_mul(want, size, &bytes))
		return false;
	bigger = realloc(*p, bytes);
	if (!bigger)
		return false;
	*p = bigger;
	*cap = want;
	return true;
}

static bool add_named(struct builder *b, struct span key, enum named_kind kind, size_t at)
{
	struct snapshot *s = b->s;

	if (!grow(&s->named, &b->named_cap, s->named_count, sizeof(*s->named)))
		return false;
	s->named[s->named_count++] = (struct named){ key, kind, (uint32_t)at };
	return true;
}

static enum err add_domain(void *arg, struct span name)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct span kept = arena_copy(&s->text, name);

	if (!grow(&s->domains, &b->domain_cap, s->domain_count, sizeof(*s->domains)) || !add_named(b, kept, NAMED_DOMAIN, s->domain_count))
		return ERR_TEMP;
	s->domains[s->domain_count++] = kept;
	return ERR_OK;
}

/* Mostly the two forms are the same. */
static struct span keep_key(struct snapshot *s, struct span key, struct span address, struct span kept_address)
{
	return span_equals(key, address) ? kept_address : arena_copy(&s->text, key);
}

static enum err add_account(void *arg, const struct db_account *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct account *a;

	if (!grow(&s->accounts, &b->account_cap, s->account_count, sizeof(*s->accounts)))
		return ERR_TEMP;
	a = &s->accounts[s->account_count];
	*a = (struct account){
		.id = row->id,
		.address = arena_copy(&s->text, row->address),
		.name = arena_copy(&s->text, row->name),
		.role = row->role >= 0 && row->role < ROLES ? (enum role)row->role : ROLE_USER,
		.suspended = row->suspended,
		.created_ms = row->created_ms,
	};
	if (!add_named(b, keep_key(s, row->key, row->address, a->address), NAMED_ACCOUNT, s->account_count))
		return ERR_TEMP;
	s->account_count++;
	return ERR_OK;
}

/* By account and domain. The counts come first: the array may still move. */
static enum err add_grant(void *arg, uint64_t id, struct span domain)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	/* Constant for others: the accounts are still ours. */
	struct account *a = (struct account *)(uintptr_t)snapshot_account(s, id);

	if (!a || a->role != ROLE_DOMAIN_ADMIN)
		return ERR_OK;
	if (!grow(&s->grants, &b->grant_cap, s->grant_count, sizeof(*s->grants)))
		return ERR_TEMP;
	s->grants[s->grant_count++] = arena_copy(&s->text, domain);
	a->granted_count++;
	return ERR_OK;
}

static void link_grants(struct snapshot *s)
{
	size_t first = 0;

	for (size_t i = 0; i < s->account_count && first < s->grant_count; i++) {
		if (s->accounts[i].granted_count == 0)
			continue;
		s->accounts[i].granted = s->grants + first;
		first += s->accounts[i].granted_count;
	}
}

static bool begin_alias(struct builder *b, const struct db_alias_target *row)
{
	struct snapshot *s = b->s;
	const struct named *last = s->named_count ? &s->named[s->named_count - 1] : NULL;
	struct span address;

	if (last && last->kind == NAMED_ALIAS && span_equals(last->key, row->alias_key))
		return true;
	if (!grow(&s->aliases, &b->alias_cap, s->alias_count, sizeof(*s->aliases)))
		return false;
	address = arena_copy(&s->text, row->alias_address);
	s->aliases[s->alias_count] = (struct alias){ .address = address };
	return add_named(b, keep_key(s, row->alias_key, row->alias_address, address), NAMED_ALIAS, s->alias_count++);
}

static enum err add_target(void *arg, const struct db_alias_target *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct span target;

	if (!begin_alias(b, row) || !grow(&s->targets, &b->target_cap, s->target_count, sizeof(*s->targets)) ||
	    !grow(&b->target_keys, &b->target_keys_cap, s->target_count, sizeof(*b->target_keys)))
		return ERR_TEMP;
	target = arena_copy(&s->text, row->target);
	s->targets[s->target_count] = target;
	b->target_keys[s->target_count] = (struct target){
		keep_key(s, row->key, row->target, target),
		arena_copy(&s->text, row->base_key),
	};
	s->target_count++;
	s->aliases[s->alias_count - 1].target_count++;
	return ERR_OK;
}

static enum err add_relay(void *arg, const struct db_relay *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct buf password;
	struct span context;
	enum err e = ERR_OK;

	if (!grow(&s->relays, &b->relay_cap, s->relay_count, sizeof(*s->relays)))
		return ERR_TEMP;
	buf_init(&password, PASSWORD_MAX);
	context = arena_printf(&s->text, "relay_password:%.*s", (int)row->domain.len, row->domain.ptr);
	if (row->password_sealed.len > 0)
		e = seal_open(b->data_key, context, row->password_sealed, &password);
	if (!e)
		s->relays[s->relay_count++] = (struct relay_host){
			.domain = arena_copy(&s->text, row->domain),
			.host = arena_copy(&s->text, row->host),
			.port = row->port,
			.tls = row->tls == 0 ? RELAY_TLS_NONE : row->tls == 1 ? RELAY_TLS_OPPORTUNISTIC
									      : RELAY_TLS_REQUIRED,
			.user = arena_copy(&s->text, row->user),
			.password = arena_copy(&s->text, buf_span(&password)),
		};
	buf_wipe(&password);
	return e;
}

static uint32_t hash_of(struct span key)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a; names come from administrators only */

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (uint8_t)key.ptr[i]) * 1099511628211u;
	return (uint32_t)(hash ^ hash >> 32);
}

static enum err index_names(struct snapshot *s)
{
	s->slot_count = 64;
	while (s->slot_count < s->named_count * 2)
		s->slot_count *= 2;
	s->slots = calloc(s->slot_count, sizeof(*s->slots));
	if (!s->slots || s->named_count >= UINT32_MAX)
		return ERR_TEMP;
	for (size_t i = 0; i < s->named_count; i++) {
		uint32_t hash = hash_of(s->named[i].key);
		size_t at = hash & (s->slot_count - 1);

		while (s->slots[at].entry)
			at = (at + 1) & (s->slot_count - 1);
		s->slots[at] = (struct slot){ hash, (uint32_t)i + 1 };
	}
	return ERR_OK;
}

const struct named *snapshot_find(const struct snapshot *s, struct span key)
{
	uint32_t hash = hash_of(key);
	size_t at = hash & (s->slot_count - 1);

	for (; s->slots[at].entry; at = (at + 1) & (s->slot_count - 1)) {
		const struct named *n = &s->named[s->slots[at].entry - 1];

		if (s->slots[at].hash == hash && span_equals(n->key, key))
			return n;
	}
	return NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct account *const *x = a, *const *y = b;

	return span_compare((*x)->address, (*y)->address);
}

static enum err sort_accounts(struct snapshot *s)
{
	s->by_address = calloc(s->account_count + 1, sizeof(struct account *));
	if (!s->by_address)
		return ERR_TEMP;
	for (size_t i = 0; i < s->account_count; i++) {
		const struct account *a = &s->accounts[i];

		s->by_address[i] = a;
		if (a->role == ROLE_OWNER && (!s->owner || (s->owner->suspended && !a->suspended)))
			s->owner = a;
	}
	qsort(s->by_address, s->account_count, sizeof(struct account *), compare_addresses);
	return ERR_OK;
}

/* The account by its name, or by a subaddress that is no name of its own. */
static uint64_t account_meant(const struct snapshot *s, const struct target *t)
{
	const struct named *n = snapshot_find(s, t->key);

	if (!n)
		n = snapshot_find(s, t->base_key);
	return n && n->kind == NAMED_ACCOUNT ? s->accounts[n->at].id : 0;
}

static enum err link_targets(struct builder *b)
{
	struct snapshot *s = b->s;
	size_t first = 0;

	s->target_accounts = calloc(s->target_count + 1, sizeof(uint64_t));
	if (!s->target_accounts)
		return ERR_TEMP;
	for (size_t i = 0; i < s->target_count; i++)
		s->target_accounts[i] = account_meant(s, &b->target_keys[i]);
	for (size_t i = 0; i < s->alias_count; i++) {
		s->aliases[i].targets = s->targets + first;
		first += s->aliases[i].target_count;
	}
	return ERR_OK;
}

/* What is no value (any more) is as good as not there: mail goes on with the default. */
static enum err add_setting(void *arg, struct span name, struct span value)
{
	struct snapshot *s = arg;
	enum setting which;
	struct note why = { "" };
	int64_t number;

	if (!setting_find(name, &which))
		return ERR_OK;
	if (setting_parse(which, value, &number, &why)) {
		log_event(LOG_WARN, "directory", "setting", "name=%s why=%s", setting_rules[which].name, log_quote(span_str(why.text)).text);
		return ERR_OK;
	}
	s->settings[which] = (struct setting_value){ arena_copy(&s->text, value), number, true };
	return ERR_OK;
}

static enum err read_settings(struct snapshot *s, struct db *db)
{
	enum err e;

	for (enum setting i = 0; i < SETTING_COUNT; i++) {
		s->settings[i].text = span_str(setting_rules[i].fallback);
		if (setting_parse(i, s->settings[i].text, &s->settings[i].number, NULL))
			s->settings[i].number = 0; /* the host name alone has no default */
	}
	e = db_setting_each(db, add_setting, s);
	s->hostname = s->settings[SETTING_HOSTNAME].text;
	s->set_up = s->settings[SETTING_HOSTNAME].is_set;
	return e;
}

static enum err read_all(struct builder *b, struct db *db, struct note *why)
{
	enum err e = read_settings(b->s, db);

	if (!e)
		e = db_domain_each(db, add_domain, b);
	if (!e)
		e = db_account_each(db, add_account, b);
	if (!e)
		e = db_account_grant_each(db, add_grant, b);
	if (!e)
		link_grants(b->s);
	if (!e)
		e = db_alias_each(db, add_target, b);
	if (!e) {
		e = db_relay_each(db, add_relay, b);
		if (e == ERR_CORRUPT)
			note_set(why, "the password of a relay host cannot be unsealed");
	}
	if (!e)
		e = index_names(b->s);
	if (!e)
		e = sort_accounts(b->s);
	if (!e)
		e = link_targets(b);
	return e || !b->s->text.failed ? e : ERR_TEMP;
}

enum err snapshot_build(struct db *db, const struct seal_key *data_key, struct snapshot **out, struct note *why)
{
	struct builder b = { .s = calloc(1, sizeof(struct snapshot)), .data_key = data_key };
	const struct snapshot *half = b.s;
	enum err e;

	*out = NULL;
	if (!b.s)
		return ERR_TEMP;
	atomic_init(&b.s->refs, 1);
	arena_init(&b.s->text, TEXT_MAX);
	e = read_all(&b, db, why);
	free(b.target_keys);
	if (e)
		snapshot_release(&half);
	else
		*out = b.s;
	return e;
}
