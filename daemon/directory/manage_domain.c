/* directory/manage_domain.c: changes of domains. */
#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/check.h"
#include "daemon/directory/manage.h"
#include "db/control_account.h"
#include "db/control_domain.h"

#define NAME_MEMORY_MAX ((size_t)4 << 20)

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
		note_set(why, "the domain still has users or aliases, or another one stands for it");
	return e;
}

static enum err change_domain(struct directory *d, struct span name, enum err (*run)(struct directory *d, void *arg, struct note *why), struct note *why)
{
	struct span domain;
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse_domain(name, &a, &domain, why);
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

static enum err check_alias_of(struct db *db, const struct db_domain *row, struct note *why)
{
	struct span target = row->alias_of;
	bool is_alias = false, is_used = false;
	enum err e;

	if (target.len == 0)
		return ERR_OK;
	e = check_domain_is_alias(db, target, &is_alias);
	if (e == ERR_NOT_FOUND || is_alias || span_equals(target, row->name)) {
		note_set(why, "%.*s: %s", (int)target.len, target.ptr,
			 e == ERR_NOT_FOUND ? "not a domain of this server" : is_alias ? "stands for another domain itself"
										       : "cannot stand for itself");
		return ERR_STATE;
	}
	if (!e)
		e = db_domain_is_used(db, row->name, &is_used);
	if (e || !is_used)
		return e;
	note_set(why, "the domain has users or aliases, or another one stands for it");
	return ERR_STATE;
}

static enum err run_domain_set(struct directory *d, void *arg, struct note *why)
{
	const struct db_domain *row = arg;
	int64_t owners = 0;
	enum err e = db_domain_find(d->db, row->name);

	if (!e)
		e = check_alias_of(d->db, row, why);
	if (!e)
		e = db_account_count_owners(d->db, &owners);
	if (!e)
		e = db_domain_set(d->db, row);
	return e ? e : check_owner_is_left(d->db, owners, why);
}

/* Empty for NET_NONE. */
static enum err source_text(const struct net_addr *source, enum net_family family, struct net_addr_text *text, struct span *out, struct note *why)
{
	*out = SPAN("");
	if (source->family == NET_NONE)
		return ERR_OK;
	if (source->family != family) {
		note_set(why, "an address from which mail leaves is one of IPv%d", family == NET_IPV4 ? 4 : 6);
		return ERR_SYNTAX;
	}
	*text = net_ip_text(source);
	*out = span_str(text->text);
	return ERR_OK;
}

enum err directory_domain_set(struct directory *d, const struct domain *domain, struct note *why)
{
	struct db_domain row = { .state = domain->state };
	struct net_addr_text text4, text6;
	struct arena a;
	enum err e;

	arena_init(&a, NAME_MEMORY_MAX);
	e = name_parse_domain(domain->name, &a, &row.name, why);
	if (!e && domain->alias_of.len > 0)
		e = name_parse_domain(domain->alias_of, &a, &row.alias_of, why);
	if (!e)
		e = source_text(&domain->source4, NET_IPV4, &text4, &row.source_ipv4, why);
	if (!e)
		e = source_text(&domain->source6, NET_IPV6, &text6, &row.source_ipv6, why);
	if (!e)
		e = directory_change(d, run_domain_set, &row, why);
	arena_clear(&a);
	return e;
}
