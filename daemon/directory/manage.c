/* directory/manage.c: changes of domains, accounts and aliases. Names are parsed before the transaction begins. */
#include "daemon/directory/manage.h"

#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/name.h"
#include "db/control_account.h"
#include "db/control_alias.h"
#include "db/control_domain.h"
#include "db/control_setting.h"

#define NAME_MEMORY_MAX ((size_t)4 << 20)
#define TARGETS_MAX 1000
#define PASSWORD_HASH_MAX 512
#define ACCOUNT_NAME_MAX 200
#define GRANTS_MAX 1000

static enum err parse_domain(struct span text, struct arena *a, struct span *out, struct note *why)
{
	enum err e = text.len > ADDRESS_MAX * 4 ? ERR_LIMIT : address_domain_normal(text, a, out);

	if (e)
		note_set(why, "%.*s: not a domain name", (int)(text.len < 100 ? text.len : 100), text.ptr);
	return e;
}

/* Users and aliases share their names. */
static void note_taken(struct db *db, const struct name *name, struct note *why)
{
	note_set(why, "%.*s: taken by %s", (int)name->address.len, name->address.ptr, db_alias_find(db, name->key) == ERR_OK ? "an alias" : "a user");
}

static enum err insert_account(struct db *db, const struct name *name, struct span password_hash, enum role role, uint64_t *id_out, struct note *why)
{
	struct db_account row = {
		.key = name->key,
		.address = name->address,
		.domain = name->domain,
		.password_hash = password_hash,
		.role = role,
		.created_ms = clock_real_ms(),
	};
	enum err e = db_domain_find(db, name->domain);

	if (e == ERR_NOT_FOUND)
		note_set(why, "%.*s: not a domain of this server", (int)name->domain.len, name->domain.ptr);
	if (e)
		return e;
	e = db_account_add(db, &row, id_out);
	if (e == ERR_EXISTS)
		note_taken(db, name, why);
	return e;
}

struct setup_change {
	struct span hostname, domain, password_hash;
	struct name admin;
};

static enum err run_setup(struct directory *d, void *arg, struct note *why)
{
	const struct setup_change *c = arg;
	struct buf there;
	uint64_t id;
	enum err e;

	buf_init(&there, ADDRESS_MAX);
	e = db_setting_get(d->db, SPAN("hostname"), &there);
	buf_clear(&there);
	if (e == ERR_OK) {
		note_set(why, "set up already");
		return ERR_STATE;
	}
	if (e != ERR_NOT_FOUND)
		return e;
	e = db_setting_set(d->db, SPAN("hostname"), c->hostname);
	if (!e)
		e = db_domain_add(d->db, c->domain, clock_real_ms());
	return e ? e : insert_account(d->db, &c->admin, c->password_hash, ROLE_OWNER, &id, why);
}

enum err directory_setup(struct directory *d, const struct directory_setup *setup, struct note *why)
{
	struct setup_change c = { .password_hash = setup->password_hash };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = parse_domain(setup->hostname, &a, &c.hostname, why);
	if (!e)
		e = parse_domain(setup->domain, &a, &c.domain, why);
	if (!e)
		e = name_parse(setup->admin, false, &a, &c.admin, why);
	if (!e && !span_equals(c.admin.domain, c.domain)) {
		note_set(why, "the administrator's address is not in the domain");
		e = ERR_SYNTAX;
	}
	if (!e && (c.password_hash.len == 0 || c.password_hash.len > PASSWORD_HASH_MAX))
		e = ERR_LIMIT;
	if (!e)
		e = directory_change(d, run_setup, &c, why);
	arena_clear(&a);
	return e;
}

static enum err run_domain_add(struct directory *d, void *arg, struct note *why)
{
	enum err e = db_domain_add(d->db, *(struct span *)arg, clock_real_ms());

	if (e == ERR_EXISTS)
		note_set(why, "the domain is there already");
	return e;
}

static enum err run_domain_remove(struct directory *d, void *arg, struct note *why)
{
	enum err e = db_domain_remove(d->db, *(struct span *)arg);

	if (e == ERR_STATE)
		note_set(why, "the domain still has users or aliases");
	return e;
}

static enum err change_domain(struct directory *d, struct span name, enum err (*run)(struct directory *d, void *arg, struct note *why), struct note *why)
{
	struct span domain;
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = parse_domain(name, &a, &domain, why);
	if (!e)
		e = directory_change(d, run, &domain, why);
	arena_clear(&a);
	return e;
}

enum err directory_domain_add(struct directory *d, struct span name, struct note *why)
{
	return change_domain(d, name, run_domain_add, why);
}

enum err directory_domain_remove(struct directory *d, struct span name, struct note *why)
{
	return change_domain(d, name, run_domain_remove, why);
}

struct account_change {
	struct name name;
	uint64_t id;
	struct span password_hash, text;
	enum role role;
	bool suspended;
};

static enum err run_account_add(struct directory *d, void *arg, struct note *why)
{
	struct account_change *c = arg;

	return insert_account(d->db, &c->name, c->password_hash, c->role, &c->id, why);
}

enum err directory_account_add(struct directory *d, struct span address, struct span password_hash, enum role role, uint64_t *id_out, struct note *why)
{
	struct account_change c = { .password_hash = password_hash, .role = role };
	struct arena a;
	enum err e = password_hash.len > PASSWORD_HASH_MAX ? ERR_LIMIT : ERR_OK;

	arena_init(&a, NAME_MEMORY_MAX);
	if (!e)
		e = name_parse(address, false, &a, &c.name, why);
	if (!e)
		e = directory_change(d, run_account_add, &c, why);
	arena_clear(&a);
	if (!e)
		*id_out = c.id;
	return e;
}

/* There is always somebody who may change things, and who gets what is sent to postmaster. */
static enum err keep_owner(struct db *db, int64_t before, struct note *why)
{
	int64_t after;
	enum err e = db_account_count_owners(db, &after);

	if (e || after > 0 || before == 0)
		return e;
	note_set(why, "this is the last owner");
	return ERR_STATE;
}

static enum err run_set_suspended(struct directory *d, void *arg, struct note *why)
{
	const struct account_change *c = arg;
	int64_t owners;
	enum err e = db_account_count_owners(d->db, &owners);

	if (!e)
		e = db_account_set_suspended(d->db, c->id, c->suspended);
	return e ? e : keep_owner(d->db, owners, why);
}

enum err directory_account_set_suspended(struct directory *d, uint64_t id, bool suspended, struct note *why)
{
	struct account_change c = { .id = id, .suspended = suspended };

	return directory_change(d, run_set_suspended, &c, why);
}

static enum err run_account_remove(struct directory *d, void *arg, struct note *why)
{
	const struct account_change *c = arg;
	int64_t owners;
	enum err e = db_account_count_owners(d->db, &owners);

	if (!e)
		e = db_account_remove(d->db, c->id);
	return e ? e : keep_owner(d->db, owners, why);
}

enum err directory_account_remove(struct directory *d, uint64_t id, struct note *why)
{
	struct account_change c = { .id = id };

	return directory_change(d, run_account_remove, &c, why);
}

static enum err run_set_name(struct directory *d, void *arg, struct note *why)
{
	const struct account_change *c = arg;

	(void)why;
	return db_account_set_name(d->db, c->id, c->text);
}

/* C0, DEL and C1 (U+0080 to U+009F: C2 80 to C2 9F). */
static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		const uint8_t byte = (uint8_t)s.ptr[i];

		if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && i + 1 < s.len && (uint8_t)s.ptr[i + 1] < 0xa0))
			return true;
	}
	return false;
}

enum err directory_account_set_name(struct directory *d, uint64_t id, struct span name, struct note *why)
{
	struct account_change c = { .id = id, .text = name };

	if (name.len > ACCOUNT_NAME_MAX) {
		note_set(why, "a name has at most %d bytes", ACCOUNT_NAME_MAX);
		return ERR_LIMIT;
	}
	if (!span_is_utf8(name) || has_control(name)) {
		note_set(why, "a name is UTF-8 text without control characters");
		return ERR_SYNTAX;
	}
	return directory_change(d, run_set_name, &c, why);
}

struct role_change {
	uint64_t id;
	enum role role;
	struct span *domains;
	size_t count;
};

static enum err run_set_role(struct directory *d, void *arg, struct note *why)
{
	const struct role_change *c = arg;
	int64_t owners;
	enum err e = db_account_count_owners(d->db, &owners);

	if (!e)
		e = db_account_set_role(d->db, c->id, c->role);
	for (size_t i = 0; i < c->count && !e; i++) {
		e = db_domain_find(d->db, c->domains[i]);
		if (e == ERR_NOT_FOUND)
			note_set(why, "%.*s: not a domain of this server", (int)c->domains[i].len, c->domains[i].ptr);
		if (!e)
			e = db_account_grant(d->db, c->id, c->domains[i]);
	}
	return e ? e : keep_owner(d->db, owners, why);
}

static enum err check_grants(enum role role, size_t count, struct note *why)
{
	if (role == ROLE_DOMAIN_ADMIN && count == 0) {
		note_set(why, "a domain admin is one of at least one domain");
		return ERR_SYNTAX;
	}
	if (role != ROLE_DOMAIN_ADMIN && count > 0) {
		note_set(why, "domains are granted to domain admins only");
		return ERR_SYNTAX;
	}
	if (count > GRANTS_MAX) {
		note_set(why, "at most %d domains", GRANTS_MAX);
		return ERR_LIMIT;
	}
	return ERR_OK;
}

enum err directory_account_set_role(struct directory *d, uint64_t id, enum role role, const struct span *domains, size_t count, struct note *why)
{
	struct role_change c = { .id = id, .role = role, .count = count };
	struct arena a;
	enum err e = check_grants(role, count, why);

	if (e)
		return e;
	arena_init(&a, NAME_MEMORY_MAX);
	c.domains = arena_array(&a, count, sizeof(*c.domains));
	if (!c.domains)
		e = ERR_TEMP;
	for (size_t i = 0; i < count && !e; i++)
		e = parse_domain(domains[i], &a, &c.domains[i], why);
	if (!e)
		e = directory_change(d, run_set_role, &c, why);
	arena_clear(&a);
	return e;
}

struct alias_change {
	struct name name;
	struct db_alias_target *targets;
	size_t count;
};

static enum err insert_targets(struct db *db, const struct alias_change *c)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < c->count && !e; i++)
		e = db_alias_target_add(db, c->name.key, i, &c->targets[i]);
	return e;
}

static enum err run_alias_add(struct directory *d, void *arg, struct note *why)
{
	const struct alias_change *c = arg;
	enum err e = db_domain_find(d->db, c->name.domain);

	if (e == ERR_NOT_FOUND)
		note_set(why, "%.*s: not a domain of this server", (int)c->name.domain.len, c->name.domain.ptr);
	if (!e)
		e = db_alias_add(d->db, c->name.key, c->name.address, c->name.domain, clock_real_ms());
	if (e == ERR_EXISTS)
		note_taken(d->db, &c->name, why);
	return e ? e : insert_targets(d->db, c);
}

static enum err run_alias_set(struct directory *d, void *arg, struct note *why)
{
	const struct alias_change *c = arg;
	enum err e = db_alias_find(d->db, c->name.key);

	(void)why;
	if (!e)
		e = db_alias_targets_remove(d->db, c->name.key);
	return e ? e : insert_targets(d->db, c);
}

static bool is_listed(const struct alias_change *c, struct span key)
{
	for (size_t i = 0; i < c->count; i++) {
		if (span_equals(c->targets[i].key, key))
			return true;
	}
	return false;
}

static enum err parse_targets(const struct span *targets, size_t count, struct arena *a, struct alias_change *c, struct note *why)
{
	if (count == 0 || count > TARGETS_MAX) {
		note_set(why, "an alias has 1 to %d targets", TARGETS_MAX);
		return count ? ERR_LIMIT : ERR_SYNTAX;
	}
	c->targets = arena_array(a, count, sizeof(*c->targets));
	if (!c->targets)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++) {
		struct name name;
		enum err e = name_parse(targets[i], false, a, &name, why);

		if (e)
			return e;
		if (span_equals(name.key, c->name.key)) {
			note_set(why, "an alias cannot be its own target");
			return ERR_SYNTAX;
		}
		if (!is_listed(c, name.key))
			c->targets[c->count++] = (struct db_alias_target){ .target = name.address, .key = name.key, .base_key = name.base_key };
	}
	return ERR_OK;
}

static enum err change_alias(struct directory *d, struct span address, const struct span *targets, size_t target_count,
			     enum err (*run)(struct directory *d, void *arg, struct note *why), struct note *why)
{
	struct alias_change c = { .count = 0 };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse(address, true, &a, &c.name, why);
	if (!e)
		e = parse_targets(targets, target_count, &a, &c, why);
	if (!e)
		e = directory_change(d, run, &c, why);
	arena_clear(&a);
	return e;
}

enum err directory_alias_add(struct directory *d, struct span address, const struct span *targets, size_t target_count, struct note *why)
{
	return change_alias(d, address, targets, target_count, run_alias_add, why);
}

enum err directory_alias_set(struct directory *d, struct span address, const struct span *targets, size_t target_count, struct note *why)
{
	return change_alias(d, address, targets, target_count, run_alias_set, why);
}

static enum err run_alias_remove(struct directory *d, void *arg, struct note *why)
{
	const struct alias_change *c = arg;

	(void)why;
	return db_alias_remove(d->db, c->name.key);
}

enum err directory_alias_remove(struct directory *d, struct span address, struct note *why)
{
	struct alias_change c = { .count = 0 };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse(address, true, &a, &c.name, why);
	if (!e)
		e = directory_change(d, run_alias_remove, &c, why);
	arena_clear(&a);
	return e;
}
