/* api/submitters.c: /submitters: which local users may hand in mail over submit.sock, by uid. */
#include <jansson.h>
#include <stdio.h>

#include "api/resources.h"
#include "daemon/directory/submitter.h"

#define EVERYBODY_NAME "everybody"

static struct span uid_text(struct api_call *c, int64_t uid)
{
	return uid == SUBMITTER_EVERYBODY ? SPAN(EVERYBODY_NAME) : arena_printf(&c->arena, "%lld", (long long)uid);
}

static json_t *submitter_json(struct api_call *c, const struct submitter *s)
{
	return json_pack("{s:o, s:o, s:b, s:b}", "uid", json_span(uid_text(c, s->uid)), "sender", json_span(s->sender), "remote", s->remote, "allowed", s->allowed);
}

void api_submitters_list(struct api_call *c)
{
	struct page page = { .total = -1 };
	struct submitter *list;
	size_t count;
	enum err e = directory_submitters(c->context->directory, &c->arena, &list, &count);

	if (e != ERR_OK) {
		call_reply_error(c, e, NULL);
		return;
	}
	page.list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(page.list, submitter_json(c, &list[i]));
	call_reply_page(c, &page);
}

static bool path_uid(struct api_call *c, int64_t *out)
{
	uint64_t uid;

	*out = SUBMITTER_EVERYBODY;
	if (span_equals(c->args[0], SPAN(EVERYBODY_NAME)))
		return true;
	if (span_to_u64(c->args[0], SUBMITTER_UID_MAX, &uid) != ERR_OK) {
		call_reply_problem(c, 404, "not_found", NULL, "there is no such uid: a number, or " EVERYBODY_NAME);
		return false;
	}
	*out = (int64_t)uid;
	return true;
}

/* The row itself, not what holds for the uid. */
static enum err find(struct api_call *c, int64_t uid, struct submitter *out)
{
	struct submitter *list;
	size_t count;
	enum err e = directory_submitters(c->context->directory, &c->arena, &list, &count);

	for (size_t i = 0; e == ERR_OK && i < count; i++) {
		if (list[i].uid == uid) {
			*out = list[i];
			return ERR_OK;
		}
	}
	return e == ERR_OK ? ERR_NOT_FOUND : e;
}

void api_submitter_put(struct api_call *c)
{
	struct submitter old, fresh = { .sender = body_text(c, "sender"), .remote = body_flag(c, "remote"), .allowed = !body_has(c, "allowed") || body_flag(c, "allowed") };
	struct change change = { .verb = "update", .event = -1 };
	struct note why = { "" };
	json_t *before = NULL, *out;
	enum err e;

	if (!path_uid(c, &fresh.uid) || !call_begin(c))
		return;
	e = find(c, fresh.uid, &old);
	if (e == ERR_OK)
		before = submitter_json(c, &old);
	if ((e != ERR_OK && e != ERR_NOT_FOUND) || !call_if_match(c, before)) {
		json_decref(before);
		if (c->open)
			call_abandon(c, e, NULL);
		return;
	}
	change.subject = uid_text(c, fresh.uid);
	change.verb = before ? "update" : "create";
	e = directory_submitter_set(c->context->directory, &fresh, &why);
	if (e != ERR_OK) {
		json_decref(before);
		call_abandon(c, e, &why);
		return;
	}
	change.before = before;
	change.after = submitter_json(c, &fresh);
	out = submitter_json(c, &fresh);
	if (!before)
		call_location(c, "submitters", change.subject);
	call_finish(c, before ? 200 : 201, &out, &change);
}

void api_submitter_delete(struct api_call *c)
{
	struct change change = { .verb = "delete", .event = -1 };
	struct note why = { "" };
	struct submitter old;
	int64_t uid;
	json_t *before = NULL;
	enum err e;

	if (!path_uid(c, &uid) || !call_begin(c))
		return;
	e = find(c, uid, &old);
	if (e == ERR_OK)
		before = submitter_json(c, &old);
	if (e == ERR_OK && !call_if_match(c, before)) {
		json_decref(before);
		return;
	}
	if (e == ERR_OK)
		e = directory_submitter_remove(c->context->directory, uid, &why);
	if (e != ERR_OK) {
		json_decref(before);
		call_abandon(c, e, &why);
		return;
	}
	change.subject = uid_text(c, uid);
	change.before = before;
	call_finish(c, 204, NULL, &change);
}
