/* directory/manage.c: setting up, and changes of accounts. Names are parsed before the transaction begins. */
#include "daemon/directory/manage.h"

#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/check.h"
#include "db/control_account.h"
#include "db/control_domain.h"
#include "db/control_grant.h"
#include "db/control_setting.h"

#define NAME_MEMORY_MAX ((size_t)4 << 20)
#define PASSWORD_HASH_MAX 512
#define ACCOUNT_NAME_MAX 200
#define GRANTS_MAX 1000

struct account_change {
	struct name name;
	uint64_t id;
	struct span password_hash, text;
	enum role role;
	bool suspended, is_shared;
};

static enum err insert_account(struct db *db, struct account_change *c, struct note *why)
{
	const struct db_account row = {
		.key = c->name.key,
		.address = c->name.address,
		.domain = c->name.domain,
		.password_hash = c->password_hash,
		.role = c->role,
		.is_shared = c->is_shared,
		.created_ms = clock_real_ms(),
	};
	enum err e = check_domain_takes_names(db, c->name.domain, why);

	if (e)
		return e;
	e = db_account_add(db, &row, &c->id);
	if (e == ERR_EXISTS)
		check_note_taken(db, &c->name, why);
	return e;
}

struct setup_change {
	struct span hostname, domain;
	struct account_change admin;
};

static enum err run_setup(struct directory *d, void *arg, struct note *why)
{
	struct setup_change *c = arg;
	struct buf there;
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
	return e ? e : insert_account(d->db, &c->admin, why);
}

enum err directory_setup(struct directory *d, const struct directory_setup *setup, struct note *why)
{
	struct setup_change c = { .admin = { .password_hash = setup->password_hash, .role = ROLE_OWNER } };
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse_domain(setup->hostname, &a, &c.hostname, why);
	if (!e)
		e = name_parse_domain(setup->domain, &a, &c.domain, why);
	if (!e)
		e = name_parse(setup->admin, false, &a, &c.admin.name, why);
	if (!e && !span_equals(c.admin.name.domain, c.domain)) {
		note_set(why, "the administrator's address is not in the domain");
		e = ERR_SYNTAX;
	}
	if (!e && (c.admin.password_hash.len == 0 || c.admin.password_hash.len > PASSWORD_HASH_MAX))
		e = ERR_LIMIT;
	if (!e)
		e = directory_change(d, run_setup, &c, why);
	arena_clear(&a);
	return e;
}

static enum err run_account_add(struct directory *d, void *arg, struct note *why)
{
	struct account_change *c = arg;

	return insert_account(d->db, c, why);
}

static enum err add_account(struct directory *d, struct span address, struct account_change *c, uint64_t *id_out, struct note *why)
{
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse(address, false, &a, &c->name, why);
	if (!e)
		e = directory_change(d, run_account_add, c, why);
	arena_clear(&a);
	if (!e)
		*id_out = c->id;
	return e;
}

enum err directory_account_add(struct directory *d, struct span address, struct span password_hash, enum role role, uint64_t *id_out, struct note *why)
{
	struct account_change c = { .password_hash = password_hash, .role = role };

	return password_hash.len > PASSWORD_HASH_MAX ? ERR_LIMIT : add_account(d, address, &c, id_out, why);
}

enum err directory_account_add_shared(struct directory *d, struct span address, uint64_t *id_out, struct note *why)
{
	struct account_change c = { .password_hash = SPAN(""), .role = ROLE_USER, .is_shared = true };

	return add_account(d, address, &c, id_out, why);
}

static enum err run_set_suspended(struct directory *d, void *arg, struct note *why)
{
	const struct account_change *c = arg;
	int64_t owners;
	enum err e = db_account_count_owners(d->db, &owners);

	if (!e)
		e = db_account_set_suspended(d->db, c->id, c->suspended);
	return e ? e : check_owner_is_left(d->db, owners, why);
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
		e = db_grant_remove_grantee(d->db, c->id); /* those of the own mailboxes go with the row */
	if (!e)
		e = db_account_remove(d->db, c->id);
	d->grants_changed = true;
	return e ? e : check_owner_is_left(d->db, owners, why);
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
	bool is_shared = false;
	int64_t owners;
	enum err e = db_account_count_owners(d->db, &owners);

	if (!e)
		e = db_account_is_shared(d->db, c->id, &is_shared);
	if (!e && is_shared && c->role != ROLE_USER) {
		note_set(why, "a shared account is nobody's: it has no role");
		return ERR_STATE;
	}
	if (!e)
		e = db_account_set_role(d->db, c->id, c->role);
	for (size_t i = 0; i < c->count && !e; i++) {
		e = db_domain_find(d->db, c->domains[i]);
		if (e == ERR_NOT_FOUND)
			note_set(why, "%.*s: not a domain of this server", (int)c->domains[i].len, c->domains[i].ptr);
		if (!e)
			e = db_account_grant(d->db, c->id, c->domains[i]);
	}
	return e ? e : check_owner_is_left(d->db, owners, why);
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
		e = name_parse_domain(domains[i], &a, &c.domains[i], why);
	if (!e)
		e = directory_change(d, run_set_role, &c, why);
	arena_clear(&a);
	return e;
}
