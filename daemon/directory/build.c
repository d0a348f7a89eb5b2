/* directory/build.c: reading control.db into a snapshot.
 *
 * Arrays grow while rows are read; only when all are there are pointers into them made.
 */
#include <stdlib.h>

#include "daemon/base/log.h"
#include "daemon/base/size.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/name.h"
#include "daemon/directory/snapshot.h"
#include "db/control_account.h"
#include "db/control_alias.h"
#include "db/control_domain.h"
#include "db/control_forward.h"
#include "db/control_identity.h"
#include "db/control_relay.h"
#include "db/control_setting.h"
#include "db/control_tls_rule.h"

#define TEXT_MAX ((size_t)2 << 30)
#define PASSWORD_MAX 4096
#define ROLES 5
#define DOMAIN_STATES 4
#define TLS_RULE_MODES 4

struct target {
	struct span key, base_key;
};

struct builder {
	struct snapshot *s;
	const struct seal_key *data_key;
	size_t account_cap, grant_cap, forward_cap, identity_cap, identity_key_cap, domain_cap, domain_row_cap, alias_cap, target_cap, relay_cap, tls_rule_cap, named_cap;
	size_t domain_at;           /* of the account before: mostly that of the next, too */
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

/* What cannot be read is as good as not there. */
static struct net_addr read_source(struct span text)
{
	struct net_addr out = { .family = NET_NONE };

	return text.len > 0 && net_ip_parse(text, &out) == ERR_OK ? out : (struct net_addr){ .family = NET_NONE };
}

static enum err add_domain(void *arg, const struct db_domain *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct span kept = arena_copy(&s->text, row->name);

	if (!grow(&s->domains, &b->domain_cap, s->domain_count, sizeof(*s->domains)) ||
	    !grow(&s->domain_rows, &b->domain_row_cap, s->domain_count, sizeof(*s->domain_rows)) || !add_named(b, kept, NAMED_DOMAIN, s->domain_count))
		return ERR_TEMP;
	s->domain_rows[s->domain_count] = (struct domain){
		.name = kept,
		.state = row->state >= 0 && row->state < DOMAIN_STATES ? (enum domain_state)row->state : DOMAIN_ACTIVE,
		.alias_of = arena_copy(&s->text, row->alias_of),
		.source4 = read_source(row->source_ipv4),
		.source6 = read_source(row->source_ipv6),
		.created_ms = row->created_ms,
	};
	s->domains[s->domain_count++] = kept;
	return ERR_OK;
}

static int compare_domain(const void *key, const void *element)
{
	return span_compare(*(const struct span *)key, *(const struct span *)element);
}

static bool is_of_active_domain(struct builder *b, struct span domain)
{
	const struct snapshot *s = b->s;

	if (b->domain_at >= s->domain_count || !span_equals(s->domains[b->domain_at], domain)) {
		const struct span *found = s->domain_count ? bsearch(&domain, s->domains, s->domain_count, sizeof(*s->domains), compare_domain) : NULL;

		if (!found)
			return false;
		b->domain_at = (size_t)(found - s->domains);
	}
	return s->domain_rows[b->domain_at].state == DOMAIN_ACTIVE;
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
		.is_shared = row->is_shared,
		.suspended = row->suspended,
		.disabled = row->suspended || !is_of_active_domain(b, row->domain),
		.forward_keeps = row->forward_keep,
		.created_ms = row->created_ms,
		.send_hour = row->send_hour,
		.send_day = row->send_day,
		.send_new = row->send_new,
		.quota_bytes = row->quota_bytes,
		.quota_messages = row->quota_messages,
		.imap_off = arena_copy(&s->text, row->imap_off),
		.protocols_off = row->protocols_off,
	};
	if (!add_named(b, keep_key(s, row->key, row->address, a->address), NAMED_ACCOUNT, s->account_count))
		return ERR_TEMP;
	s->account_count++;
	return ERR_OK;
}

/* Constant for others: the accounts are still ours. */
static struct account *account_of(struct snapshot *s, uint64_t id)
{
	return (struct account *)(uintptr_t)snapshot_account(s, id);
}

/* What accounts have comes by account. The counts come first: the arrays may still move. */
static enum err add_grant(void *arg, uint64_t id, struct span domain)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct account *a = account_of(s, id);

	if (!a || a->role != ROLE_DOMAIN_ADMIN)
		return ERR_OK;
	if (!grow(&s->grants, &b->grant_cap, s->grant_count, sizeof(*s->grants)))
		return ERR_TEMP;
	s->grants[s->grant_count++] = arena_copy(&s->text, domain);
	a->granted_count++;
	return ERR_OK;
}

static enum err add_forward(void *arg, const struct db_forward *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct account *a = account_of(s, row->account_id);

	if (!a)
		return ERR_OK;
	if (!grow(&s->forwards, &b->forward_cap, s->forward_count, sizeof(*s->forwards)))
		return ERR_TEMP;
	s->forwards[s->forward_count++] = arena_copy(&s->text, row->target);
	a->forward_count++;
	return ERR_OK;
}

static enum err add_identity(void *arg, const struct db_identity *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct account *a = account_of(s, row->account_id);
	struct span address;

	if (!a)
		return ERR_OK;
	if (!grow(&s->identities, &b->identity_cap, s->identity_count, sizeof(*s->identities)) ||
	    !grow(&s->identity_keys, &b->identity_key_cap, s->identity_count, sizeof(*s->identity_keys)))
		return ERR_TEMP;
	address = arena_copy(&s->text, row->address);
	s->identity_keys[s->identity_count] = keep_key(s, row->key, row->address, address);
	s->identities[s->identity_count++] = address;
	a->identity_count++;
	return ERR_OK;
}

static const struct span *next_of(const struct span *all, size_t count, size_t *first)
{
	const struct span *own = count ? all + *first : NULL;

	*first += count;
	return own;
}

/* There are many: what was room for more goes back. */
static void fit_accounts(struct snapshot *s)
{
	struct account *fitting = s->account_count ? realloc(s->accounts, s->account_count * sizeof(*s->accounts)) : NULL;

	if (fitting)
		s->accounts = fitting;
}

static void link_accounts(struct snapshot *s)
{
	size_t grant = 0, forward = 0, identity = 0;

	for (size_t i = 0; i < s->account_count; i++) {
		struct account *a = &s->accounts[i];

		a->granted = next_of(s->grants, a->granted_count, &grant);
		a->forwards = next_of(s->forwards, a->forward_count, &forward);
		a->identities = next_of(s->identities, a->identity_count, &identity);
		a->forward_keeps = a->forward_keeps || a->forward_count == 0;
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

static enum relay_tls relay_tls_of(int stored)
{
	switch (stored) {
	case 0: return RELAY_TLS_NONE;
	case 1: return RELAY_TLS_OPPORTUNISTIC;
	case 3: return RELAY_TLS_ENCRYPTED;
	}
	return RELAY_TLS_REQUIRED;
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
			.tls = relay_tls_of(row->tls),
			.user = arena_copy(&s->text, row->user),
			.password = arena_copy(&s->text, buf_span(&password)),
		};
	buf_wipe(&password);
	return e;
}

static enum err add_tls_rule(void *arg, const struct db_tls_rule *row)
{
	struct builder *b = arg;
	struct snapshot *s = b->s;
	struct span rest = arena_copy(&s->text, row->names), name;
	struct tls_rule *rule;
	struct span *names;
	size_t count = 0;

	if (!grow(&s->tls_rules, &b->tls_rule_cap, s->tls_rule_count, sizeof(*s->tls_rules)))
		return ERR_TEMP;
	for (size_t i = 0; i < rest.len; i++)
		count += rest.ptr[i] == ' ';
	names = arena_array(&s->text, count + 1, sizeof(*names));
	if (!names)
		return ERR_TEMP;
	for (count = 0; rest.len > 0 && span_split(&rest, ' ', &name);)
		names[count++] = name;
	rule = &s->tls_rules[s->tls_rule_count++];
	/* A number of a later release: the strictest. */
	*rule = (struct tls_rule){
		.domain = arena_copy(&s->text, row->domain),
		.mode = row->mode >= 0 && row->mode < TLS_RULE_MODES ? (enum tls_rule_mode)row->mode : TLS_RULE_VERIFY,
		.names = names,
		.name_count = count,
		.created_ms = row->created_ms,
	};
	return ERR_OK;
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
		if (a->role == ROLE_OWNER && (!s->owner || (s->owner->disabled && !a->disabled)))
			s->owner = a;
	}
	qsort(s->by_address, s->account_count, sizeof(struct account *), compare_addresses);
	return ERR_OK;
}

/* What the key means, at the domain that its domain stands for, too. */
static const struct named *find_meant(const struct snapshot *s, struct span key)
{
	const struct named *n = snapshot_find(s, key);
	const struct domain *domain;
	char moved[NAME_KEY_MAX];
	size_t local = key.len;

	while (local > 0 && key.ptr[local - 1] != '@')
		local--;
	domain = n || local == 0 ? NULL : snapshot_domain(s, span_skip(key, local));
	if (!domain || domain->alias_of.len == 0 || local + domain->alias_of.len > sizeof(moved))
		return n;
	memcpy(moved, key.ptr, local);
	memcpy(moved + local, domain->alias_of.ptr, domain->alias_of.len);
	return snapshot_find(s, span_make(moved, local + domain->alias_of.len));
}

/* The account by its name, or by a subaddress that is no name of its own. */
static uint64_t account_meant(const struct snapshot *s, const struct target *t)
{
	const struct named *n = find_meant(s, t->key);

	if (!n && !span_equals(t->key, t->base_key))
		n = find_meant(s, t->base_key);
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

static enum err read_accounts(struct builder *b, struct db *db)
{
	enum err e = db_account_each(db, add_account, b);

	fit_accounts(b->s);
	if (!e)
		e = db_account_grant_each(db, add_grant, b);
	if (!e)
		e = db_forward_each(db, add_forward, b);
	if (!e)
		e = db_identity_each(db, add_identity, b);
	if (!e)
		link_accounts(b->s);
	return e;
}

static enum err read_destinations(struct builder *b, struct db *db, struct note *why)
{
	enum err e = db_relay_each(db, add_relay, b);

	if (e == ERR_CORRUPT)
		note_set(why, "the password of a relay host cannot be unsealed");
	return e ? e : db_tls_rule_each(db, add_tls_rule, b);
}

static enum err read_all(struct builder *b, struct db *db, struct note *why)
{
	enum err e = read_settings(b->s, db);

	if (!e)
		e = db_domain_each(db, add_domain, b);
	if (!e)
		e = read_accounts(b, db);
	if (!e)
		e = db_alias_each(db, add_target, b);
	if (!e)
		e = read_destinations(b, db, why);
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
