/* directory/manage_alias.c: changes of aliases. */
#include "daemon/base/clock.h"
#include "daemon/directory/change.h"
#include "daemon/directory/check.h"
#include "daemon/directory/manage.h"
#include "db/control_alias.h"

#define NAME_MEMORY_MAX ((size_t)4 << 20)
#define TARGETS_MAX 1000

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
	enum err e = check_domain_takes_names(d->db, c->name.domain, why);

	if (!e)
		e = db_alias_add(d->db, c->name.key, c->name.address, c->name.domain, clock_real_ms());
	if (e == ERR_EXISTS)
		check_note_taken(d->db, &c->name, why);
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
