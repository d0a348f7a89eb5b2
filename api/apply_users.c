/* api/apply_users.c: the users of a document. A field that is not there means its default, as /export leaves it out. */
#include <jansson.h>
#include <stdio.h>

#include "api/apply.h"
#include "api/given.h"
#include "api/user.h"
#include "api/user_mail.h"
#include "daemon/auth/auth.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"
#include "db/control_account.h"

#define HASH_MAX 4096

struct wanted {
	struct span address, name, hash;
	enum role role;
	const struct span *domains;
	size_t domain_count;
	bool is_shared, suspended;
	struct user_mail mail;
};

static enum err read_wanted(struct applying *a, const json_t *entry, struct wanted *out)
{
	const json_t *domains = json_object_get(entry, "domains");
	struct span role = apply_text(entry, "role");
	size_t count = json_array_size(domains);
	struct span *list = arena_array(&a->c->arena, count ? count : 1, sizeof *list);
	int found = role.len ? user_role_of(role) : ROLE_USER;

	if (!list)
		return ERR_LIMIT;
	*out = (struct wanted){ .address = apply_text(entry, "address"), .name = apply_text(entry, "name"), .hash = apply_text(entry, "password_hash"), .suspended = json_is_true(json_object_get(entry, "suspended")), .is_shared = span_equals(apply_text(entry, "type"), SPAN("shared")) };
	out->role = found < 0 ? ROLE_USER : (enum role)found;
	for (size_t i = 0; i < count; i++) {
		const json_t *one = json_array_get(domains, i);

		list[i] = given_domain(a->c, span_make(json_string_value(one), json_string_length(one)));
	}
	out->domains = list;
	out->domain_count = count;
	user_mail_read(a->c, entry, true, &out->mail);
	return ERR_OK;
}

static bool same_domains(const struct account *account, const struct wanted *w)
{
	bool same = account->granted_count == w->domain_count;

	for (size_t i = 0; i < w->domain_count && same; i++) {
		bool found = false;

		for (size_t j = 0; j < account->granted_count && !found; j++)
			found = span_equals(account->granted[j], w->domains[i]);
		same = found;
	}
	return same;
}

/* ---- who may ---- */

static enum err may(struct applying *a, bool touches_role)
{
	if (!touches_role || (a->c->caller.role == ROLE_OWNER && a->c->caller.kind != CALLER_TOKEN))
		return ERR_OK;
	note_set(&a->why, "roles, and owners, are changed by owners, and not with a token");
	return ERR_DENIED;
}

/* As everywhere: owners are managed by owners, and no token manages somebody with a role. */
static bool is_above(const struct applying *a, const struct account *account)
{
	return account->role == ROLE_OWNER || (a->c->caller.kind == CALLER_TOKEN && account->role != ROLE_USER);
}

/* ---- passwords: of those who have none yet ---- */

struct lookup {
	uint64_t id;
	struct buf hash;
};

static enum err read_hash(struct db *db, void *arg)
{
	struct lookup *l = arg;

	return db_account_get_password(db, l->id, &l->hash);
}

static enum err take_hash(struct applying *a, uint64_t id, struct span given, bool above, bool *taken_out)
{
	struct lookup l = { .id = id };
	struct buf stored;
	enum err e;

	*taken_out = false;
	if (given.len == 0)
		return ERR_OK;
	if (!a->c->context->auth) {
		note_set(&a->why, "passwords need the part that checks them");
		return ERR_STATE;
	}
	buf_init(&l.hash, HASH_MAX);
	buf_init(&stored, HASH_MAX);
	e = directory_read(a->c->context->directory, read_hash, &l);
	if (e == ERR_OK && l.hash.len == 0) {
		e = may(a, above);
		if (e == ERR_OK)
			e = auth_import_hash(given, &stored, &a->why);
		if (e == ERR_OK)
			e = auth_set_imported_hash(a->c->context->auth, id, buf_span(&stored), &a->why);
		*taken_out = e == ERR_OK;
	}
	buf_wipe(&l.hash);
	buf_wipe(&stored);
	return e;
}

/* ---- one ---- */

static enum err fail_at(struct applying *a, size_t i, const char *field, enum err e)
{
	if (e != ERR_OK && !a->pointer[0])
		snprintf(a->pointer, sizeof a->pointer, "/users/%zu/%s", i, field);
	return e;
}

static enum err set_role(struct applying *a, size_t i, uint64_t id, const struct wanted *w)
{
	return fail_at(a, i, "role", directory_account_set_role(a->c->context->directory, id, w->role, w->domains, w->role == ROLE_DOMAIN_ADMIN ? w->domain_count : 0, &a->why));
}

static json_t *shown(const struct account *account, bool hash_taken)
{
	json_t *out = user_json(account);

	if (hash_taken)
		json_object_set_new(out, "password_hash", json_string("***"));
	return out;
}

struct differences {
	bool name, role, suspension, mail, hash;
	bool above; /* whose it is */
};

static enum err change_user(struct applying *a, size_t i, uint64_t id, const struct user_mail *now, const struct wanted *w, struct differences *of)
{
	struct directory *d = a->c->context->directory;
	const char *field = "";
	enum err e = ERR_OK;

	if (of->name)
		e = fail_at(a, i, "name", directory_account_set_name(d, id, w->name, &a->why));
	if (e == ERR_OK && of->role)
		e = set_role(a, i, id, w);
	if (e == ERR_OK && of->suspension)
		e = fail_at(a, i, "suspended", user_set_suspended(a->c->context, id, w->suspended, &a->why));
	if (e == ERR_OK && of->mail) {
		e = user_mail_set(a->c, id, now, &w->mail, &field, &a->why);
		e = fail_at(a, i, field, e);
	}
	return e == ERR_OK ? fail_at(a, i, "password_hash", take_hash(a, id, w->hash, of->above, &of->hash)) : e;
}

static void show_mail(struct account *account, const struct user_mail *mail)
{
	account->forwards = mail->forwards;
	account->forward_count = mail->forward_count;
	account->forward_keeps = mail->forward_keeps || mail->forward_count == 0;
	account->identities = mail->identities;
	account->identity_count = mail->identity_count;
	account->send_hour = mail->hour;
	account->send_day = mail->day;
	account->send_new = mail->fresh;
	account->quota_bytes = mail->quota_bytes;
	account->quota_messages = mail->quota_messages;
	account->imap_off = mail->imap_off;
	account->protocols_off = mail->protocols_off;
}

static enum err create(struct applying *a, size_t i, const struct wanted *w)
{
	struct account account = { .address = w->address, .name = w->name, .role = w->role, .is_shared = w->is_shared, .suspended = w->suspended, .granted = w->domains, .granted_count = w->domain_count };
	struct user_mail now = user_mail_default();
	struct differences of = { .name = w->name.len > 0, .role = w->role != ROLE_USER, .suspension = w->suspended, .mail = !user_mail_is_same(&now, &w->mail) };
	enum err e = fail_at(a, i, "role", may(a, of.role));

	show_mail(&account, &w->mail);
	if (e == ERR_OK)
		e = fail_at(a, i, "address", w->is_shared ? directory_account_add_shared(a->c->context->directory, w->address, &account.id, &a->why) : directory_account_add(a->c->context->directory, w->address, SPAN(""), ROLE_USER, &account.id, &a->why));
	if (e == ERR_EXISTS) /* twice in the document, or an alias */
		return ERR_STATE;
	if (e == ERR_OK)
		e = change_user(a, i, account.id, &now, w, &of);
	if (e == ERR_OK)
		apply_note(a, APPLY_CREATED, w->address, given_domain_of(w->address), NULL, shown(&account, of.hash), EVENT_USER_CHANGED);
	return e;
}

static struct account as_wanted(const struct account *old, const struct wanted *w)
{
	struct account fresh = *old;

	fresh.name = w->name;
	fresh.role = w->role;
	fresh.granted = w->domains;
	fresh.granted_count = w->domain_count;
	fresh.suspended = w->suspended;
	show_mail(&fresh, &w->mail);
	return fresh;
}

static bool any(const struct differences *of)
{
	return of->name || of->suspension || of->mail;
}

static enum err update(struct applying *a, size_t i, const struct account *old, const struct wanted *w)
{
	struct differences of = { .name = !span_equals(old->name, w->name), .role = old->role != w->role || !same_domains(old, w), .suspension = old->suspended != w->suspended, .above = is_above(a, old) };
	struct user_mail now = user_mail_of(&a->c->arena, old);
	struct account fresh = as_wanted(old, w);
	unsigned ends;
	enum err e;

	of.mail = !user_mail_is_same(&now, &w->mail);
	if (old->is_shared != w->is_shared) {
		note_set(&a->why, "the account is of type %s, and stays of it", user_type_name(old->is_shared));
		return fail_at(a, i, "type", ERR_STATE);
	}
	e = fail_at(a, i, "role", may(a, of.role || (of.above && any(&of))));
	if (e == ERR_OK)
		e = change_user(a, i, old->id, &now, w, &of);
	ends = of.suspension && w->suspended ? AUTH_EVERYWHERE : w->mail.protocols_off & ~old->protocols_off;
	if (e == ERR_OK && ends)
		a->ended[a->ended_count++] = (struct applied_end){ old->id, ends };
	if (e == ERR_OK && (any(&of) || of.role || of.hash))
		apply_note(a, APPLY_UPDATED, old->address, given_domain_of(old->address), shown(old, false), shown(&fresh, of.hash), EVENT_USER_CHANGED);
	return e;
}

enum err apply_users(struct applying *a)
{
	const json_t *entries = json_object_get(a->c->body, "users"), *entry;
	size_t i;

	a->ended = arena_array(&a->c->arena, json_array_size(entries) + 1, sizeof *a->ended);
	if (!a->ended)
		return ERR_LIMIT;
	json_array_foreach(entries, i, entry)
	{
		struct wanted w;
		const struct account *old;
		enum err e = read_wanted(a, entry, &w);

		if (e != ERR_OK)
			return e;
		old = snapshot_account_by_login(a->s, w.address);
		e = old ? update(a, i, old, &w) : create(a, i, &w);
		if (e != ERR_OK)
			return e;
	}
	return ERR_OK;
}
