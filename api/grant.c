/* api/grant.c: grants on mailboxes in the words of the API. */
#include "api/grant.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "api/given.h"
#include "daemon/store/mailbox.h"

/* MAILBOX_COUNT_MAX of them with the longest names. */
#define NAMES_ROOM (16u * 1024u * 1024u)
#define ANYONE SPAN("anyone")
#define GRANT_ID_MAX 48
#define RIGHTS_NONE "none"

void grant_names_init(struct grant_names *n, const struct api_context *context)
{
	*n = (struct grant_names){ .context = context };
	arena_init(&n->arena, NAMES_ROOM);
}

void grant_names_clear(struct grant_names *n)
{
	arena_clear(&n->arena);
}

static enum err read_names(struct grant_names *n, uint64_t owner)
{
	struct mailstore *m = NULL;
	struct note why = { "" };
	enum err e;

	arena_reset(&n->arena);
	n->owner = 0;
	n->count = 0;
	if (!n->context->store)
		return ERR_TEMP;
	e = store_open_known(n->context->store, owner, &m, &why);
	if (!e)
		e = mailbox_list(m, &n->arena, &n->all, &n->count);
	store_close(&m);
	if (e && e != ERR_NOT_FOUND)
		return e;
	n->owner = owner;
	return ERR_OK;
}

enum err grant_name_of(struct grant_names *n, uint64_t owner, uint64_t mailbox, struct span *out)
{
	enum err e = ERR_OK;

	*out = SPAN("");
	if (mailbox == GRANT_EVERY_MAILBOX)
		return ERR_OK;
	if (n->owner != owner)
		e = read_names(n, owner);
	if (e) {
		n->error = n->error ? n->error : e;
		return e;
	}
	for (size_t i = 0; i < n->count; i++) {
		if (n->all[i].id == mailbox && n->all[i].exists) {
			*out = n->all[i].name;
			return ERR_OK;
		}
	}
	return ERR_NOT_FOUND;
}

static enum err find_mailbox(struct mailstore *m, struct span name, struct arena *a, uint64_t *out)
{
	struct mailbox_info info;
	enum err e = mailbox_find(m, name, a, &info);

	if (!e && !info.exists)
		e = ERR_NOT_FOUND;
	*out = e ? 0 : info.id;
	return e;
}

enum err grant_mailbox(struct api_call *c, uint64_t owner, struct span name, bool makes, uint64_t *out, struct note *why)
{
	struct mailstore *m = NULL;
	struct span normal;
	enum err e = mailbox_name_normal(name, &c->arena, &normal);

	if (e) {
		note_set(why, "no mailbox has such a name");
		return e;
	}
	if (!c->context->store) {
		note_set(why, "mailboxes are looked up while the service runs");
		return ERR_STATE;
	}
	e = store_open(c->context->store, owner, &m, why);
	if (!e)
		e = find_mailbox(m, normal, &c->arena, out);
	if (e == ERR_NOT_FOUND && makes) {
		e = mailbox_create(m, normal, USE_NONE);
		e = e && e != ERR_EXISTS ? e : find_mailbox(m, normal, &c->arena, out);
	}
	store_close(&m);
	if (e == ERR_NOT_FOUND)
		note_set(why, "there is no such mailbox");
	return e;
}

enum err grant_rights(struct span text, unsigned *out, struct note *why)
{
	static const struct {
		struct span name;
		unsigned rights;
	} sets[] = {
		{ { "read", 4 }, RIGHT_LOOKUP | RIGHT_READ | RIGHT_SEEN },
		{ { "write", 5 }, RIGHT_LOOKUP | RIGHT_READ | RIGHT_SEEN | RIGHT_WRITE | RIGHT_INSERT | RIGHT_POST | RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE },
		{ { "full", 4 }, RIGHT_ALL },
		{ { RIGHTS_NONE, sizeof RIGHTS_NONE - 1 }, 0 },
	};

	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		if (span_iequals(text, sets[i].name)) {
			*out = sets[i].rights;
			return ERR_OK;
		}
	}
	if (text.len && rights_parse(text, out) == ERR_OK)
		return ERR_OK;
	note_set(why, "read, write, full, none, or letters of lrswipkxtea");
	return ERR_SYNTAX;
}

enum err grant_grantee(const struct snapshot *s, struct span text, uint64_t *out, struct note *why)
{
	const struct account *a;

	*out = GRANTEE_ANYONE;
	if (span_iequals(text, ANYONE))
		return ERR_OK;
	a = snapshot_account_by_login(s, text);
	if (!a) {
		note_set(why, "there is no such account");
		return ERR_NOT_FOUND;
	}
	*out = a->id;
	return ERR_OK;
}

json_t *grant_json(const struct snapshot *s, const struct grant *g, struct span mailbox)
{
	const struct account *owner = snapshot_account(s, g->owner), *grantee = snapshot_account(s, g->grantee);
	char letters[12], id[GRANT_ID_MAX];

	snprintf(id, sizeof id, "grt_%" PRIu64 "_%" PRIu64, g->mailbox, g->grantee);
	rights_write(g->rights, letters);
	return json_pack("{s:s, s:o, s:o, s:o, s:s}", "id", id, "owner", json_span(owner ? owner->address : SPAN("")), "mailbox", json_span_or_null(mailbox), "grantee",
			 json_span(grantee ? grantee->address : ANYONE), "rights", g->rights ? letters : RIGHTS_NONE);
}

bool grant_find(const struct grants *g, uint64_t owner, uint64_t mailbox, uint64_t grantee, struct grant *out)
{
	const struct grant *all;
	const size_t count = grants_of(g, owner, &all);

	for (size_t i = 0; i < count; i++) {
		if (all[i].mailbox == mailbox && all[i].grantee == grantee) {
			*out = all[i];
			return true;
		}
	}
	return false;
}

void grants_tell(const struct api_context *context)
{
	if (context->grants_changed)
		context->grants_changed(context->arg);
}
