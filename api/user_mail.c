/* api/user_mail.c: what concerns the mail of a user. */
#include "api/user_mail.h"

#include <jansson.h>

#include "api/given.h"
#include "api/person.h"
#include "daemon/directory/manage.h"
#include "daemon/imap/capability.h"

#define AS_THE_SETTINGS (-1)
#define IMAP_NAMES_MAX (16u * 1024u) /* as many as the schema lets through */

struct user_mail user_mail_default(void)
{
	return (struct user_mail){
		.forward_keeps = true,
		.hour = AS_THE_SETTINGS,
		.day = AS_THE_SETTINGS,
		.fresh = AS_THE_SETTINGS,
		.quota_bytes = AS_THE_SETTINGS,
		.quota_messages = AS_THE_SETTINGS,
	};
}

static const struct span *copy(struct arena *a, const struct span *list, size_t count)
{
	struct span *out = count ? arena_array(a, count, sizeof *out) : NULL;

	for (size_t i = 0; i < count && out; i++)
		out[i] = arena_copy(a, list[i]);
	return out;
}

/* The names in one form and order. What is stored and unknown to this release is left out, what is wanted and unknown is said. */
static struct span capabilities(struct arena *a, struct span names, struct span *bad_out)
{
	uint64_t off = 0, some = 0;
	struct span bad, out;
	struct buf text;

	*bad_out = SPAN("");
	while (imap_capability_parse(names, &some, &bad)) {
		if (bad_out->len == 0)
			*bad_out = bad;
		off |= some;
		names = span_skip(names, (size_t)(bad.ptr + bad.len - names.ptr));
	}
	buf_init(&text, IMAP_OFF_MAX);
	imap_capability_write(off | some, &text);
	out = arena_copy(a, buf_span(&text));
	buf_clear(&text);
	return out.ptr ? out : SPAN("");
}

struct user_mail user_mail_of(struct arena *a, const struct account *account)
{
	struct user_mail out = {
		.forwards = copy(a, account->forwards, account->forward_count),
		.identities = copy(a, account->identities, account->identity_count),
		.forward_keeps = account->forward_keeps,
		.hour = account->send_hour,
		.day = account->send_day,
		.fresh = account->send_new,
		.quota_bytes = account->quota_bytes,
		.quota_messages = account->quota_messages,
		.protocols_off = account->protocols_off,
	};
	struct span unknown;

	out.imap_off = capabilities(a, account->imap_off, &unknown);
	out.forward_count = out.forwards ? account->forward_count : 0;
	out.identity_count = out.identities ? account->identity_count : 0;
	return out;
}

static json_t *names_json(struct span names)
{
	json_t *out = json_array();
	struct span name;

	while (out && span_split(&names, ' ', &name))
		if (name.len > 0)
			json_array_append_new(out, json_span(name));
	return out;
}

static json_t *limit_json(int64_t limit)
{
	return limit < 0 ? json_null() : json_integer(limit);
}

static void show_limits(json_t *user, const struct account *account, bool brief)
{
	const bool limited = account->send_hour >= 0 || account->send_day >= 0 || account->send_new >= 0, has_quota = account->quota_bytes >= 0 || account->quota_messages >= 0;

	if (!brief || limited)
		json_object_set_new(user, "limits",
				    json_pack("{s:o, s:o, s:o}", "per_hour", limit_json(account->send_hour), "per_day", limit_json(account->send_day), "new_per_day",
					      limit_json(account->send_new)));
	if (!brief || has_quota)
		json_object_set_new(user, "quota", json_pack("{s:o, s:o}", "bytes", limit_json(account->quota_bytes), "messages", limit_json(account->quota_messages)));
}

void user_mail_show(json_t *user, const struct account *account, bool brief)
{
	if (!brief || account->forward_count > 0)
		json_object_set_new(user, "forwards", json_spans(account->forwards, account->forward_count));
	if (!brief || !account->forward_keeps)
		json_object_set_new(user, "forward_keeps", json_boolean(account->forward_keeps));
	if (!brief || account->identity_count > 0)
		json_object_set_new(user, "identities", json_spans(account->identities, account->identity_count));
	show_limits(user, account, brief);
	if (!brief || account->protocols_off)
		json_object_set_new(user, "protocols_disabled", person_protocols_json(account->protocols_off));
	if (!brief || account->imap_off.len > 0)
		json_object_set_new(user, "imap_disabled", names_json(account->imap_off));
}

static const struct span *read_list(struct api_call *c, const json_t *list, size_t *count_out)
{
	size_t count = json_array_size(list);
	struct span *out = count ? arena_array(&c->arena, count, sizeof *out) : NULL;

	*count_out = out ? count : 0;
	for (size_t i = 0; i < *count_out; i++) {
		const json_t *one = json_array_get(list, i);

		out[i] = span_make(json_string_value(one), json_string_length(one));
	}
	return out;
}

static struct span read_capabilities(struct api_call *c, const json_t *list, struct span *bad_out)
{
	struct span out;
	struct buf names;

	buf_init(&names, IMAP_NAMES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		buf_add_str(&names, i ? " " : "");
		buf_add(&names, span_make(json_string_value(one), json_string_length(one)));
	}
	out = capabilities(&c->arena, arena_copy(&c->arena, buf_span(&names)), bad_out);
	buf_clear(&names);
	return out;
}

/* As it is now: `now`. */
static int64_t read_limit(const json_t *limits, bool all, const char *field, int64_t now)
{
	const json_t *value = json_object_get(limits, field);

	if (json_is_integer(value))
		return json_integer_value(value);
	return all || value ? AS_THE_SETTINGS : now;
}

void user_mail_read(struct api_call *c, const json_t *from, bool all, struct user_mail *out)
{
	const json_t *forwards = json_object_get(from, "forwards"), *keeps = json_object_get(from, "forward_keeps");
	const json_t *identities = json_object_get(from, "identities"), *limits = json_object_get(from, "limits"), *quota = json_object_get(from, "quota");
	const json_t *imap = json_object_get(from, "imap_disabled"), *protocols = json_object_get(from, "protocols_disabled");
	const bool whole = all || json_is_null(limits), whole_quota = all || json_is_null(quota);

	if (all || forwards)
		out->forwards = read_list(c, forwards, &out->forward_count);
	if (all || keeps)
		out->forward_keeps = !json_is_false(keeps);
	if (all || identities)
		out->identities = read_list(c, identities, &out->identity_count);
	if (all || protocols) {
		size_t count;
		const struct span *names = read_list(c, protocols, &count);

		out->protocols_off = person_protocols_of(names, count);
	}
	if (all || imap)
		out->imap_off = read_capabilities(c, imap, &out->imap_bad);
	out->hour = (int32_t)read_limit(limits, whole, "per_hour", out->hour);
	out->day = (int32_t)read_limit(limits, whole, "per_day", out->day);
	out->fresh = (int32_t)read_limit(limits, whole, "new_per_day", out->fresh);
	out->quota_bytes = read_limit(quota, whole_quota, "bytes", out->quota_bytes);
	out->quota_messages = read_limit(quota, whole_quota, "messages", out->quota_messages);
}

static bool is_listed(struct span one, const struct span *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_iequals(list[i], one))
			return true;
	return false;
}

/* The same ones, in whatever order and letter case. */
static bool is_same_list(const struct span *a, size_t a_count, const struct span *b, size_t b_count)
{
	bool same = a_count == b_count;

	for (size_t i = 0; i < a_count && same; i++)
		same = is_listed(a[i], b, b_count) && is_listed(b[i], a, a_count);
	return same;
}

static bool same_forwards(const struct user_mail *a, const struct user_mail *b)
{
	/* Without forwards all is kept, whatever was said. */
	return is_same_list(a->forwards, a->forward_count, b->forwards, b->forward_count) && (a->forward_keeps == b->forward_keeps || a->forward_count == 0);
}

static bool same_identities(const struct user_mail *a, const struct user_mail *b)
{
	return is_same_list(a->identities, a->identity_count, b->identities, b->identity_count);
}

static bool same_limits(const struct user_mail *a, const struct user_mail *b)
{
	return a->hour == b->hour && a->day == b->day && a->fresh == b->fresh;
}

static bool same_quota(const struct user_mail *a, const struct user_mail *b)
{
	return a->quota_bytes == b->quota_bytes && a->quota_messages == b->quota_messages;
}

static bool same_imap(const struct user_mail *a, const struct user_mail *b)
{
	return span_equals(a->imap_off, b->imap_off) && a->imap_bad.len + b->imap_bad.len == 0;
}

bool user_mail_is_same(const struct user_mail *a, const struct user_mail *b)
{
	return same_forwards(a, b) && same_identities(a, b) && same_limits(a, b) && same_quota(a, b) && a->protocols_off == b->protocols_off && same_imap(a, b);
}

/* Who manages some domains gives no names of others away. */
static enum err set_identities(struct api_call *c, uint64_t id, const struct user_mail *now, const struct user_mail *wanted, struct note *why)
{
	enum err e = ERR_OK;

	for (size_t i = 0; i < wanted->identity_count && !e && !c->caller.all_domains; i++) {
		if (!is_listed(wanted->identities[i], now->identities, now->identity_count))
			e = given_reaches(c, wanted->identities[i], why);
	}
	return e ? e : directory_account_set_identities(c->context->directory, id, wanted->identities, wanted->identity_count, why);
}

/* They protect the whole server: its name with others is everybody's. */
static enum err set_limits(struct api_call *c, uint64_t id, const struct user_mail *wanted, struct note *why)
{
	if (!c->caller.all_domains) {
		note_set(why, "limits are for those to set who manage all domains");
		return ERR_DENIED;
	}
	return directory_account_set_limits(c->context->directory, id, wanted->hour, wanted->day, wanted->fresh, why);
}

static enum err set_imap(struct api_call *c, uint64_t id, const struct user_mail *wanted, struct note *why)
{
	if (wanted->imap_bad.len > 0) {
		note_set(why, "%.*s: no IMAP capability that can be switched off", (int)span_take(wanted->imap_bad, 100).len, wanted->imap_bad.ptr);
		return ERR_SYNTAX;
	}
	return directory_account_set_imap_off(c->context->directory, id, wanted->imap_off, why);
}

enum err user_mail_set(struct api_call *c, uint64_t id, const struct user_mail *now, const struct user_mail *wanted, const char **field, struct note *why)
{
	enum err e = ERR_OK;

	if (!same_forwards(now, wanted)) {
		*field = "forwards";
		e = directory_account_set_forwards(c->context->directory, id, wanted->forwards, wanted->forward_count, wanted->forward_keeps, why);
	}
	if (!e && !same_identities(now, wanted)) {
		*field = "identities";
		e = set_identities(c, id, now, wanted, why);
	}
	if (!e && !same_limits(now, wanted)) {
		*field = "limits";
		e = set_limits(c, id, wanted, why);
	}
	if (!e && !same_quota(now, wanted)) {
		*field = "quota";
		e = directory_account_set_quota(c->context->directory, id, wanted->quota_bytes, wanted->quota_messages, why);
	}
	if (!e && now->protocols_off != wanted->protocols_off) {
		*field = "protocols_disabled";
		e = directory_account_set_protocols_off(c->context->directory, id, wanted->protocols_off, why);
	}
	if (!e && !same_imap(now, wanted)) {
		*field = "imap_disabled";
		e = set_imap(c, id, wanted, why);
	}
	return e;
}
