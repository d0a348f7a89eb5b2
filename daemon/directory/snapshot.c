/* directory/snapshot.c: what names mean. A snapshot never changes; the last holder frees it. */
#include "daemon/directory/snapshot.h"

#include <stdlib.h>

#include "daemon/directory/name.h"

#define LOGIN_MEMORY_MAX 32768

void snapshot_release(const struct snapshot **s)
{
	/* Only the count, and here at the end everything, is ever written. */
	struct snapshot *own = (struct snapshot *)(uintptr_t)*s;

	*s = NULL;
	if (!own || atomic_fetch_sub_explicit(&own->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < own->relay_count; i++)
		explicit_bzero((void *)(uintptr_t)own->relays[i].password.ptr, own->relays[i].password.len);
	arena_clear(&own->text);
	free(own->accounts);
	free(own->by_address);
	search_text_free(atomic_load_explicit(&own->search, memory_order_acquire));
	free(own->grants);
	free(own->forwards);
	free(own->identities);
	free(own->identity_keys);
	free(own->domains);
	free(own->domain_rows);
	free(own->aliases);
	free(own->targets);
	free(own->target_accounts);
	free(own->relays);
	free(own->tls_rules);
	free(own->named);
	free(own->slots);
	free(own);
}

int64_t snapshot_number(const struct snapshot *s, enum setting which)
{
	return s->settings[which].number;
}

struct span snapshot_text(const struct snapshot *s, enum setting which)
{
	return s->settings[which].text;
}

bool snapshot_has_setting(const struct snapshot *s, enum setting which)
{
	return s->settings[which].is_set;
}

bool snapshot_is_set_up(const struct snapshot *s)
{
	return s->set_up;
}

struct span snapshot_hostname(const struct snapshot *s)
{
	return s->hostname;
}

struct span snapshot_postmaster(const struct snapshot *s)
{
	return s->owner ? s->owner->address : SPAN("");
}

static void resolve_account(const struct account *a, struct resolution *out)
{
	out->kind = a->suspended ? RESOLVED_SUSPENDED : RESOLVED_ACCOUNT;
	out->account_id = a->id;
	out->account = a;
}

static bool resolve_name(const struct snapshot *s, struct span key, struct resolution *out)
{
	const struct named *n = snapshot_find(s, key);

	if (!n)
		return false;
	switch (n->kind) {
	case NAMED_DOMAIN: return false;
	case NAMED_ACCOUNT:
		resolve_account(&s->accounts[n->at], out);
		return true;
	case NAMED_ALIAS:
		out->kind = RESOLVED_ALIAS;
		out->targets = s->aliases[n->at].targets;
		out->target_count = s->aliases[n->at].target_count;
		return true;
	}
	return false;
}

/* At a domain of ours that stands for no other. */
static void resolve_key(const struct snapshot *s, struct name_key *key, struct resolution *out)
{
	struct span local;

	if (resolve_name(s, span_make(key->bytes, key->len), out) || (name_key_cut(key) && resolve_name(s, span_make(key->bytes, key->len), out)))
		return;
	local = span_make(key->bytes, key->local_len);
	if (s->owner && (span_equals(local, SPAN("postmaster")) || span_equals(local, SPAN("abuse"))))
		resolve_account(s->owner, out);
	else
		(void)resolve_name(s, span_make(key->bytes + key->local_len, key->len - key->local_len), out);
}

/* False: the domain's state leaves nothing to resolve. */
static bool obey_state(const struct domain *domain, struct resolution *out)
{
	if (domain->state == DOMAIN_REFUSES)
		out->kind = RESOLVED_REFUSED;
	else if (domain->state == DOMAIN_HOLDS)
		out->held = true;
	return domain->state != DOMAIN_REFUSES;
}

void snapshot_resolve(const struct snapshot *s, const struct address *addr, struct resolution *out)
{
	const struct domain *domain;
	struct name_key key;

	*out = (struct resolution){ .kind = RESOLVED_UNKNOWN };
	if (addr->domain.len == 0) {
		/* RFC 5321 4.5.1: <postmaster> without a domain. */
		if (s->owner && span_iequals(addr->local, SPAN("postmaster")))
			resolve_account(s->owner, out);
		return;
	}
	name_key(addr, &key);
	domain = snapshot_domain(s, key.len ? name_key_domain(&key) : addr->domain);
	if (!domain) {
		out->kind = RESOLVED_REMOTE;
		return;
	}
	if (!obey_state(domain, out))
		return;
	if (domain->alias_of.len > 0) {
		domain = snapshot_domain(s, domain->alias_of);
		if (!domain || !obey_state(domain, out))
			return;
		if (key.len > 0)
			name_key_move(&key, domain->name);
	}
	if (key.len > 0 && addr->local.len > 0)
		resolve_key(s, &key, out);
}

static bool is_identity(const struct snapshot *s, const struct account *a, const struct name_key *key)
{
	const struct span *keys = s->identity_keys + (a->identities - s->identities);
	struct name_key base = *key;

	return span_in_sorted(span_make(key->bytes, key->len), keys, a->identity_count) ||
	       span_in_sorted(span_make(key->bytes + key->local_len, key->len - key->local_len), keys, a->identity_count) ||
	       (name_key_cut(&base) && span_in_sorted(span_make(base.bytes, base.len), keys, a->identity_count));
}

bool snapshot_may_send_as(const struct snapshot *s, uint64_t account_id, const struct address *addr)
{
	const struct account *account = snapshot_account(s, account_id);
	struct resolution r = { .kind = RESOLVED_UNKNOWN };
	const struct domain *domain;
	struct name_key key;

	name_key(addr, &key);
	if (!account || key.len == 0 || addr->local.len == 0 || addr->domain.len == 0)
		return false;
	if (account->identity_count > 0 && is_identity(s, account, &key))
		return true;
	domain = snapshot_domain(s, name_key_domain(&key));
	if (!domain)
		return false;
	if (domain->alias_of.len > 0) {
		name_key_move(&key, domain->alias_of);
		if (account->identity_count > 0 && is_identity(s, account, &key))
			return true;
	}
	resolve_key(s, &key, &r);
	if (r.account)
		return r.account == account;
	for (size_t i = 0; i < r.target_count; i++) {
		if (s->target_accounts[(size_t)(r.targets - s->targets) + i] == account_id)
			return true;
	}
	return false;
}

static int compare_id(const void *key, const void *element)
{
	uint64_t id = *(const uint64_t *)key, other = ((const struct account *)element)->id;

	return id < other ? -1 : id > other;
}

const struct account *snapshot_account(const struct snapshot *s, uint64_t id)
{
	return s->account_count ? bsearch(&id, s->accounts, s->account_count, sizeof(*s->accounts), compare_id) : NULL;
}

const struct account *snapshot_account_by_login(const struct snapshot *s, struct span login)
{
	struct address addr;
	struct name_key key;
	struct arena a;
	const struct named *n = NULL;

	if (login.len > ADDRESS_MAX)
		return NULL;
	arena_init(&a, LOGIN_MEMORY_MAX);
	if (address_parse(login, &a, &addr) == ERR_OK) {
		name_key(&addr, &key);
		n = key.len ? snapshot_find(s, span_make(key.bytes, key.len)) : NULL;
	}
	arena_clear(&a);
	return n && n->kind == NAMED_ACCOUNT ? &s->accounts[n->at] : NULL;
}

static int compare_domain(const void *key, const void *element)
{
	return span_compare(*(const struct span *)key, ((const struct relay_host *)element)->domain);
}

const struct relay_host *snapshot_relay(const struct snapshot *s, struct span domain)
{
	return s->relay_count ? bsearch(&domain, s->relays, s->relay_count, sizeof(*s->relays), compare_domain) : NULL;
}

const struct relay_host *snapshot_relay_for(const struct snapshot *s, struct span domain, struct span sender_domain)
{
	const struct relay_host *own = snapshot_relay(s, domain);
	char sender[ADDRESS_DOMAIN_MAX + 1] = "@";

	if (!own && sender_domain.len > 0 && sender_domain.len <= ADDRESS_DOMAIN_MAX) {
		memcpy(sender + 1, sender_domain.ptr, sender_domain.len);
		own = snapshot_relay(s, span_make(sender, sender_domain.len + 1));
	}
	return own ? own : snapshot_relay(s, SPAN("*"));
}

static int compare_rule(const void *key, const void *element)
{
	return span_compare(*(const struct span *)key, ((const struct tls_rule *)element)->domain);
}

const struct tls_rule *snapshot_tls_rule(const struct snapshot *s, struct span domain)
{
	return s->tls_rule_count ? bsearch(&domain, s->tls_rules, s->tls_rule_count, sizeof(*s->tls_rules), compare_rule) : NULL;
}

size_t snapshot_tls_rules(const struct snapshot *s, const struct tls_rule **out)
{
	*out = s->tls_rules;
	return s->tls_rule_count;
}

size_t snapshot_domain_rows(const struct snapshot *s, const struct domain **out)
{
	*out = s->domain_rows;
	return s->domain_count;
}

size_t snapshot_domains(const struct snapshot *s, const struct span **out)
{
	*out = s->domains;
	return s->domain_count;
}

size_t snapshot_accounts_by_id(const struct snapshot *s, const struct account **out)
{
	*out = s->accounts;
	return s->account_count;
}

const struct domain *snapshot_domain(const struct snapshot *s, struct span name)
{
	const struct named *n = snapshot_find(s, name);

	return n && n->kind == NAMED_DOMAIN ? &s->domain_rows[n->at] : NULL;
}

bool snapshot_has_domain(const struct snapshot *s, struct span name)
{
	return snapshot_domain(s, name) != NULL;
}

const struct alias *snapshot_alias(const struct snapshot *s, struct span address)
{
	const struct named *n = NULL;
	struct name name;
	struct arena a;

	arena_init(&a, LOGIN_MEMORY_MAX);
	if (address.len <= ADDRESS_MAX && name_parse(address, true, &a, &name, NULL) == ERR_OK)
		n = snapshot_find(s, name.key);
	arena_clear(&a);
	return n && n->kind == NAMED_ALIAS ? &s->aliases[n->at] : NULL;
}

size_t snapshot_accounts(const struct snapshot *s, const struct account *const **out)
{
	*out = s->by_address;
	return s->account_count;
}

size_t snapshot_aliases(const struct snapshot *s, const struct alias **out)
{
	*out = s->aliases;
	return s->alias_count;
}

/* They are named last of all, one after another (build.c). */
struct span snapshot_alias_key(const struct snapshot *s, size_t i)
{
	return s->named[s->named_count - s->alias_count + i].key;
}

size_t snapshot_relays(const struct snapshot *s, const struct relay_host **out)
{
	*out = s->relays;
	return s->relay_count;
}
