/* api/users_import.c: POST /users:import. Somebody who is there and is as the row says is no failure, so that an export can be imported again; what is
 * otherwise changes with the query's update only, and never a role. */
#include <jansson.h>

#include "api/given.h"
#include "api/import.h"
#include "api/resources.h"
#include "api/user.h"
#include "api/user_mail.h"
#include "daemon/auth/web_session.h"
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
	      FORWARDS,
	      FORWARD_KEEPS,
	      TYPE,
	      COLUMNS };
static const char *const columns[] = { "address", "name", "password", "password_hash", "role", "suspended", "forwards", "forward_keeps", "type" };

struct user_item {
	struct import_item item;
	struct span name, stored; /* stored: the hash */
	enum role role;
	bool is_shared, has_type, has_role, has_secret, has_suspended, suspended, has_keeps, keeps;
	struct span *forwards;
	size_t forward_count;      /* 0: not said */
	uint64_t ends_sessions_of; /* 0: nobody's */
};

static enum err read_role(struct span value, struct user_item *u, struct note *why)
{
	int role = value.len > 0 ? user_role_of(value) : ROLE_USER;

	u->has_role = value.len > 0;
	u->role = role < 0 ? ROLE_USER : (enum role)role;
	if (role >= 0)
		return ERR_OK;
	note_set(why, "role is user, owner, admin, domain_admin or auditor");
	return ERR_SYNTAX;
}

/* Of somebody new. */
static enum err may_give(const struct reach *reach, enum role role, struct note *why)
{
	if (role == ROLE_USER)
		return ERR_OK;
	if (role == ROLE_DOMAIN_ADMIN) {
		note_set(why, "a new user's role is user, owner, admin or auditor; domain admins are made by themselves, with their domains");
		return ERR_SYNTAX;
	}
	if (reach_gives_roles(reach))
		return ERR_OK;
	note_set(why, "only an owner gives a role, and not with a token");
	return ERR_DENIED;
}

static enum err read_type(struct span value, struct user_item *u, struct note *why)
{
	u->has_type = value.len > 0;
	u->is_shared = span_equals(value, SPAN("shared"));
	if (u->is_shared || !u->has_type || span_equals(value, SPAN("user")))
		return ERR_OK;
	note_set(why, "type is user or shared");
	return ERR_SYNTAX;
}

static enum err read_flag(const char *name, struct span value, bool *given_out, bool *out, struct note *why)
{
	*given_out = value.len > 0;
	*out = span_iequals(value, SPAN("true"));
	if (*out || value.len == 0 || span_iequals(value, SPAN("false")))
		return ERR_OK;
	note_set(why, "%s is true or false", name);
	return ERR_SYNTAX;
}

static enum err read_forwards(struct span given, struct user_item *u, struct arena *a, struct note *why)
{
	struct span rest = given, one;

	while (import_next_address(&rest, &one))
		u->forward_count++;
	if (u->forward_count > FORWARDS_MAX) {
		note_set(why, "mail is forwarded to at most %d addresses", FORWARDS_MAX);
		return ERR_LIMIT;
	}
	u->forwards = arena_array(a, u->forward_count, sizeof *u->forwards);
	for (size_t i = 0; u->forwards && import_next_address(&given, &one); i++)
		u->forwards[i] = arena_copy(a, one);
	return u->forwards ? ERR_OK : ERR_TEMP;
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
	u->has_secret = row->values[PASSWORD].len > 0 || row->values[PASSWORD_HASH].len > 0;
	(void)reach;
	item->error = read_role(row->values[ROLE], u, &item->why);
	if (!item->error)
		item->error = read_type(row->values[TYPE], u, &item->why);
	if (!item->error)
		item->error = read_flag("suspended", row->values[SUSPENDED], &u->has_suspended, &u->suspended, &item->why);
	if (!item->error)
		item->error = read_flag("forward_keeps", row->values[FORWARD_KEEPS], &u->has_keeps, &u->keeps, &item->why);
	if (!item->error)
		item->error = read_forwards(row->values[FORWARDS], u, a, &item->why);
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
	json_t *out = json_pack("{s:o, s:s, s:o, s:s, s:b}", "address", json_span(u->item.subject), "type", user_type_name(u->is_shared), "name", json_span(u->name), "role", user_role_names[u->role], "suspended", (int)u->suspended);

	if (u->forward_count > 0)
		json_object_set_new(out, "forwards", json_spans(u->forwards, u->forward_count));
	if (u->has_keeps)
		json_object_set_new(out, "forward_keeps", json_boolean(u->keeps));
	if (u->has_secret)
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
	if (!e && u->forward_count > 0)
		e = directory_account_set_forwards(d, id, u->forwards, u->forward_count, !u->has_keeps || u->keeps, why);
	if (!e && u->suspended)
		e = directory_account_set_suspended(d, id, true, why);
	return e;
}

/* ---- somebody new ---- */

static enum err create(const struct api_context *context, const struct reach *reach, const struct user_item *u, struct span domain, struct change *change, int *status_out, struct note *why)
{
	struct span address = u->item.subject;
	uint64_t id;
	enum err e = may_give(reach, u->role, why), undone;

	if (!e)
		e = u->is_shared ? directory_account_add_shared(context->directory, address, &id, why) : directory_account_add(context->directory, address, SPAN(""), ROLE_USER, &id, why);
	if (e)
		return e;
	e = set_rest(context, u, id, why);
	if (e) {
		undone = directory_account_remove(context->directory, id, NULL);
		return undone ? undone : e;
	}
	*status_out = 201;
	*change = (struct change){ .verb = "create", .subject = address, .domain = domain, .after = item_json(u), .event = EVENT_USER_CHANGED };
	return ERR_OK;
}

/* ---- somebody who is there ---- */

static bool has_other_name(const struct user_item *u, const struct account *a)
{
	return u->name.len > 0 && !span_equals(u->name, a->name);
}

static bool has_other_suspension(const struct user_item *u, const struct account *a)
{
	return u->has_suspended && u->suspended != a->suspended;
}

/* The user's forwards as the row wants them. */
static struct user_mail with_forwards(const struct user_item *u, struct user_mail mail)
{
	if (u->forward_count > 0) {
		mail.forwards = u->forwards;
		mail.forward_count = u->forward_count;
	}
	if (u->has_keeps)
		mail.forward_keeps = u->keeps;
	return mail;
}

static struct user_mail forwards_of(const struct account *a)
{
	struct user_mail mail = user_mail_default();

	mail.forwards = a->forwards;
	mail.forward_count = a->forward_count;
	mail.forward_keeps = a->forward_keeps;
	return mail;
}

static bool has_other_forwards(const struct user_item *u, const struct account *a)
{
	const struct user_mail now = forwards_of(a), wanted = with_forwards(u, now);

	return !user_mail_is_same(&now, &wanted);
}

static enum err set_forwards(const struct api_context *context, uint64_t id, const struct user_mail *mail, struct note *why)
{
	return directory_account_set_forwards(context->directory, id, mail->forwards, mail->forward_count, mail->forward_keeps, why);
}

/* As PUT and PATCH of a user have it. */
static enum err may_update(const struct reach *reach, const struct user_item *u, const struct account *a, struct note *why)
{
	enum err e = ERR_DENIED;

	if (!u->item.updates) {
		note_set(why, "is there already, and otherwise; with update they are changed");
		e = ERR_EXISTS;
	} else if (u->has_role && u->role != a->role) {
		note_set(why, "is there already with the role %s, which no import changes", user_role_names[a->role]);
		e = ERR_STATE;
	} else if (u->has_type && u->is_shared != a->is_shared) {
		note_set(why, "is there already with the type %s, and stays of it", user_type_name(a->is_shared));
		e = ERR_STATE;
	} else if (!reach_manages(reach, a->role)) {
		note_set(why, "%s: has a role of its own, which this caller does not manage", user_role_names[a->role]);
	} else if (u->has_secret && !reach->proven) {
		note_set(why, "another password needs a fresh proof of who you are");
	} else {
		e = ERR_OK;
	}
	return e;
}

static enum err set_secret(const struct api_context *context, const struct user_item *u, uint64_t id, struct note *why)
{
	/* A plan has made no hash of a password. */
	enum err e = u->stored.len > 0 ? auth_set_imported_hash(context->auth, id, u->stored, why) : ERR_OK;

	return e || !u->has_secret ? e : web_session_remove_others(context->auth, id, 0);
}

static enum err change_fields(const struct api_context *context, const struct user_item *u, const struct account *a, struct note *why)
{
	const bool renames = has_other_name(u, a), suspends = has_other_suspension(u, a), forwards = has_other_forwards(u, a);
	const struct user_mail before = forwards_of(a), after = with_forwards(u, before);
	enum err e = renames ? directory_account_set_name(context->directory, a->id, u->name, why) : ERR_OK, undone = ERR_OK;

	if (e)
		return e;
	if (forwards)
		e = set_forwards(context, a->id, &after, why);
	if (!e && suspends) {
		e = user_set_suspended(context, a->id, u->suspended, why);
		if (e && forwards)
			undone = set_forwards(context, a->id, &before, NULL);
	}
	if (e && renames && !undone)
		undone = directory_account_set_name(context->directory, a->id, a->name, NULL);
	/* The hash was looked at before: what fails here is the database, and with it the batch. */
	if (!e && set_secret(context, u, a->id, why) != ERR_OK)
		e = ERR_TEMP;
	return undone ? undone : e;
}

static bool is_as_wanted(const struct user_item *u, const struct account *a)
{
	return !has_other_name(u, a) && !has_other_suspension(u, a) && !has_other_forwards(u, a) && !u->has_secret && (!u->has_role || u->role == a->role) && (!u->has_type || u->is_shared == a->is_shared);
}

static enum err update(const struct api_context *context, const struct reach *reach, struct user_item *u, const struct account *a, struct span domain, struct change *change, struct note *why)
{
	enum err e;

	if (is_as_wanted(u, a))
		return ERR_OK;
	e = may_update(reach, u, a, why);
	if (!e)
		e = change_fields(context, u, a, why);
	if (e)
		return e;
	if (u->has_secret || (u->suspended && !a->suspended))
		u->ends_sessions_of = a->id;
	*change = (struct change){ .verb = "update", .subject = u->item.subject, .domain = domain, .before = user_json(a), .after = user_json(a), .event = EVENT_USER_CHANGED };
	if (has_other_name(u, a))
		json_object_set_new(change->after, "name", json_span(u->name));
	if (has_other_suspension(u, a))
		json_object_set_new(change->after, "suspended", json_boolean(u->suspended));
	if (has_other_forwards(u, a)) {
		const struct user_mail mail = with_forwards(u, forwards_of(a));

		json_object_set_new(change->after, "forwards", json_spans(mail.forwards, mail.forward_count));
		json_object_set_new(change->after, "forward_keeps", json_boolean(mail.forward_keeps));
	}
	if (u->has_secret)
		json_object_set_new(change->after, "password", json_string("***"));
	return ERR_OK;
}

/* As the directory was before the batch; null: not there. */
static enum err apply(const struct api_context *context, const struct reach *reach, struct import_item *item, struct arena *a, struct change *change, int *status_out, struct note *why)
{
	struct user_item *u = (struct user_item *)item;
	const struct snapshot *s;
	const struct account *account;
	struct span domain;
	enum err e = check_domain(reach, item->subject, a, &domain, why);

	if (e)
		return e;
	s = directory_hold(context->directory);
	account = snapshot_account_by_login(s, item->subject);
	*status_out = 200;
	e = account ? update(context, reach, u, account, domain, change, why) : create(context, reach, u, domain, change, status_out, why);
	snapshot_release(&s);
	return e;
}

static void committed(const struct api_context *context, const struct import_item *item)
{
	const struct user_item *u = (const struct user_item *)item;

	if (u->ends_sessions_of)
		user_end_sessions(context, u->ends_sessions_of);
}

void api_users_import(struct api_call *c)
{
	static const struct import_kind kind = { "users", columns, COLUMNS, sizeof(struct user_item), prepare, apply, committed };

	import_reply(c, &kind);
}
