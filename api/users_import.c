/* api/users_import.c: POST /users:import. */
#include <jansson.h>

#include "api/given.h"
#include "api/import.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"

#define STORED_MAX 1024

enum column { ADDRESS,
	      NAME,
	      PASSWORD,
	      PASSWORD_HASH,
	      ROLE,
	      SUSPENDED,
	      COLUMNS };
static const char *const columns[] = { "address", "name", "password", "password_hash", "role", "suspended" };

struct user_item {
	struct import_item item;
	struct span name, stored; /* stored: the hash */
	enum role role;
	bool suspended;
};

static enum err read_role(const struct reach *reach, struct span value, enum role *out, struct note *why)
{
	int role = value.len > 0 ? user_role_of(value) : ROLE_USER;

	*out = role < 0 ? ROLE_USER : (enum role)role;
	if (role == ROLE_USER)
		return ERR_OK;
	if (role < 0 || role == ROLE_DOMAIN_ADMIN) {
		note_set(why, "role is user, owner, admin or auditor; domain admins are made by themselves, with their domains");
		return ERR_SYNTAX;
	}
	if (reach_gives_roles(reach))
		return ERR_OK;
	note_set(why, "only an owner gives a role, and not with a token");
	return ERR_DENIED;
}

static enum err read_flag(struct span value, bool *out, struct note *why)
{
	*out = span_iequals(value, SPAN("true"));
	if (*out || value.len == 0 || span_iequals(value, SPAN("false")))
		return ERR_OK;
	note_set(why, "suspended is true or false");
	return ERR_SYNTAX;
}

static enum err check_length(const struct api_context *context, struct span password, struct note *why)
{
	const struct snapshot *s = directory_hold(context->directory);
	int64_t min = snapshot_number(s, SETTING_PASSWORD_LENGTH_MIN), characters = 0;

	snapshot_release(&s);
	for (size_t i = 0; i < password.len; i++)
		characters += ((uint8_t)password.ptr[i] & 0xc0) != 0x80;
	if (characters >= min && password.len <= AUTH_PASSWORD_MAX)
		return ERR_OK;
	note_set(why, "a password has %lld characters to %d bytes", (long long)min, AUTH_PASSWORD_MAX);
	return ERR_LIMIT;
}

/* *cost_out: 1 when a password was hashed. */
static enum err read_secret(const struct api_context *context, const struct row *row, bool is_plan, struct arena *a, struct span *out, unsigned *cost_out, struct note *why)
{
	struct span password = row->values[PASSWORD], hash = row->values[PASSWORD_HASH];
	struct buf stored;
	enum err e = ERR_OK;

	if (password.len > 0 && hash.len > 0) {
		note_set(why, "a user has a password or the hash of one, not both");
		return ERR_SYNTAX;
	}
	buf_init(&stored, STORED_MAX);
	if (password.len > 0) {
		e = check_length(context, password, why);
		if (!e && !is_plan) {
			e = auth_hash_password(password, &stored);
			*cost_out = 1;
		}
	} else if (hash.len > 0) {
		e = auth_import_hash(hash, &stored, why);
	}
	*out = arena_copy(a, buf_span(&stored));
	buf_wipe(&stored);
	return e;
}

static unsigned prepare(const struct api_context *context, const struct reach *reach, const struct row *row, bool is_plan, struct arena *a, struct import_item *item)
{
	struct user_item *u = (struct user_item *)item;
	unsigned cost = 0;

	u->name = arena_copy(a, row->values[NAME]);
	item->error = read_role(reach, row->values[ROLE], &u->role, &item->why);
	if (!item->error)
		item->error = read_flag(row->values[SUSPENDED], &u->suspended, &item->why);
	if (!item->error)
		item->error = read_secret(context, row, is_plan, a, &u->stored, &cost, &item->why);
	if (!item->error && row->values[ADDRESS].len > ADDRESS_MAX)
		item->error = ERR_LIMIT;
	if (!item->error && a->failed)
		item->error = ERR_TEMP;
	return cost;
}

static json_t *item_json(const struct user_item *u)
{
	json_t *out = json_pack("{s:o, s:o, s:s, s:b}", "address", json_span(u->item.subject), "name", json_span(u->name), "role", user_role_names[u->role], "suspended", (int)u->suspended);

	if (u->stored.len > 0)
		json_object_set_new(out, "password", json_string("***"));
	return out;
}

static enum err check_domain(const struct reach *reach, struct span address, struct arena *a, struct span *domain_out, struct note *why)
{
	struct span given = given_domain_of(address);

	/* What is none is refused by directory_account_add(). */
	if (address_domain_normal(given, a, domain_out) != ERR_OK)
		*domain_out = given;
	if (reach_has(reach, *domain_out))
		return ERR_OK;
	note_set(why, "%.*s: not a domain of this server", (int)span_take(given, 100).len, given.ptr);
	return ERR_NOT_FOUND;
}

static enum err set_rest(const struct api_context *context, const struct user_item *u, uint64_t id, struct note *why)
{
	struct directory *d = context->directory;
	enum err e = ERR_OK;

	if (u->name.len > 0)
		e = directory_account_set_name(d, id, u->name, why);
	if (!e && u->stored.len > 0)
		e = auth_set_imported_hash(context->auth, id, u->stored, why);
	if (!e && u->role != ROLE_USER)
		e = directory_account_set_role(d, id, u->role, NULL, 0, why);
	if (!e && u->suspended)
		e = directory_account_set_suspended(d, id, true, why);
	return e;
}

static enum err apply(const struct api_context *context, const struct reach *reach, struct import_item *item, struct arena *a, struct change *change, int *status_out, struct note *why)
{
	const struct user_item *u = (const struct user_item *)item;
	struct span domain;
	uint64_t id;
	enum err e = check_domain(reach, item->subject, a, &domain, why), undone;

	if (!e)
		e = directory_account_add(context->directory, item->subject, SPAN(""), ROLE_USER, &id, why);
	if (e)
		return e;
	e = set_rest(context, u, id, why);
	if (e) {
		undone = directory_account_remove(context->directory, id, NULL);
		return undone ? undone : e;
	}
	*status_out = 201;
	*change = (struct change){ .verb = "create", .subject = item->subject, .domain = domain, .after = item_json(u), .event = EVENT_USER_CHANGED };
	return ERR_OK;
}

void api_users_import(struct api_call *c)
{
	static const struct import_kind kind = { "users", columns, COLUMNS, sizeof(struct user_item), prepare, apply };

	import_reply(c, &kind);
}
