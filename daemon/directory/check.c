/* directory/check.c: see check.h. */
#include "daemon/directory/check.h"

#include "db/control_account.h"
#include "db/control_alias.h"
#include "db/control_domain.h"

enum err check_owner_is_left(struct db *db, int64_t before, struct note *why)
{
	int64_t after;
	enum err e = db_account_count_owners(db, &after);

	if (e || after > 0 || before == 0)
		return e;
	note_set(why, "this is the last owner who can log in");
	return ERR_STATE;
}

enum err check_domain_is_alias(struct db *db, struct span domain, bool *out)
{
	struct buf of;
	enum err e;

	buf_init(&of, ADDRESS_DOMAIN_MAX);
	e = db_domain_alias_of(db, domain, &of);
	*out = of.len > 0;
	buf_clear(&of);
	return e;
}

enum err check_domain_takes_names(struct db *db, struct span domain, struct note *why)
{
	bool is_alias;
	enum err e = check_domain_is_alias(db, domain, &is_alias);

	if (e == ERR_NOT_FOUND)
		note_set(why, "%.*s: not a domain of this server", (int)domain.len, domain.ptr);
	if (e || !is_alias)
		return e;
	note_set(why, "%.*s stands for another domain: its users and aliases are there", (int)domain.len, domain.ptr);
	return ERR_STATE;
}

void check_note_taken(struct db *db, const struct name *name, struct note *why)
{
	note_set(why, "%.*s: taken by %s", (int)name->address.len, name->address.ptr, db_alias_find(db, name->key) == ERR_OK ? "an alias" : "a user");
}
