/* api/me_app_passwords.c: /me/app_passwords: one password a device, shown once. */
#include <jansson.h>

#include "api/given.h"
#include "api/person.h"
#include "api/resources.h"
#include "api/user.h"
#include "daemon/auth/app_password.h"
#include "daemon/events/events.h"

void api_me_app_passwords_list(struct api_call *c)
{
	struct page page = { .next_cursor = SPAN(""), .total = -1 };
	struct app_password *list;
	size_t count;
	enum err e = app_password_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);

	if (e) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, person_app_password_json(c, &list[i]));
	call_reply_page(c, &page);
}

static unsigned protocols_of(struct api_call *c)
{
	size_t count;
	const struct span *names = body_texts(c, "protocols", &count);

	return person_protocols_of(names, count);
}

/* As it stands now. Null: *e_out says why not. */
static json_t *find_json(struct api_call *c, uint64_t id, enum err *e_out)
{
	struct app_password *list;
	size_t count;

	*e_out = app_password_list(c->context->auth, c->caller.account_id, &c->arena, &list, &count);
	for (size_t i = 0; !*e_out && i < count; i++) {
		if (list[i].id == id)
			return person_app_password_json(c, &list[i]);
	}
	*e_out = *e_out ? *e_out : ERR_NOT_FOUND;
	return NULL;
}

void api_me_app_password_create(struct api_call *c)
{
	struct change change = { .verb = "create_app_password", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	struct app_password spec = { .label = body_text(c, "label"), .protocols = protocols_of(c), .expires_ms = body_time(c, "expires_at") };
	struct note why = { "" };
	struct buf secret;
	uint64_t id = 0;
	json_t *out;
	enum err e;

	spec.networks = body_texts(c, "networks", &spec.network_count);
	if (!person_may_give(c, spec.label, spec.networks, spec.network_count, spec.expires_ms) || !call_begin(c))
		return;
	buf_init(&secret, 64);
	e = app_password_create(c->context->auth, c->caller.account_id, &spec, &id, &secret, &why);
	out = e ? NULL : find_json(c, id, &e);
	if (e) {
		call_abandon(c, e, &why);
	} else {
		change.after = json_deep_copy(out);
		json_object_set_new(out, "password", json_span(buf_span(&secret)));
		call_location(c, "me/app_passwords", person_id_text(c, "app_", id));
		(void)call_finish(c, 201, &out, &change);
	}
	buf_wipe(&secret);
}

void api_me_app_password_delete(struct api_call *c)
{
	struct change change = { .verb = "remove_app_password", .subject = c->caller.name, .domain = given_domain_of(c->caller.name), .event = EVENT_USER_CHANGED };
	const struct note why = { "there is no such app password" };
	enum err e = ERR_NOT_FOUND;
	uint64_t id;

	if (!call_begin(c))
		return;
	if (person_id(c->args[0], SPAN("app_"), &id))
		change.before = find_json(c, id, &e);
	if (change.before)
		e = app_password_remove(c->context->auth, c->caller.account_id, id);
	if (e) {
		json_decref(change.before);
		call_abandon(c, e, e == ERR_NOT_FOUND ? &why : NULL);
	} else if (call_finish(c, 204, NULL, &change)) {
		user_end_sessions(c->context, c->caller.account_id);
	}
}
