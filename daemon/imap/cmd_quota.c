/* imap/cmd_quota.c: GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). An account has one quota root, over all of its mailboxes, with two limits, one or none;
 * limits are set by administrators. */
#include "daemon/imap/commands.h"
#include "daemon/imap/place.h"
#include "daemon/imap/quota.h"
#include "daemon/imap/reply_quota.h"

/* getquota = "GETQUOTA" SP quota-root-name */
enum err imap_parse_getquota(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	return e ? e : parse_astring(p, &out->mailbox.name);
}

/* setquota-resource = resource-name SP resource-limit */
static enum err parse_limit(struct imap_parser *p, union imap_args *out)
{
	struct span name;
	uint64_t limit;
	enum err e = parse_atom(p, &name);

	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_number64(p, &limit);
	if (e)
		return e;
	if (span_iequals(name, SPAN("STORAGE"))) {
		out->quota.has_storage = true;
		out->quota.storage = limit;
	} else if (span_iequals(name, SPAN("MESSAGE"))) {
		out->quota.has_message = true;
		out->quota.message = limit;
	} else {
		out->quota.unknown = true;
	}
	return ERR_OK;
}

/* setquota = "SETQUOTA" SP quota-root-name SP "(" [setquota-resource *(SP setquota-resource)] ")" */
enum err imap_parse_setquota(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_astring(p, &out->quota.root);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_expect(p, '(');
	if (e || parse_char(p, ')'))
		return e;
	do
		e = parse_limit(p, out);
	while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* That of another account is called as the name above its mailboxes is: "Shared/info@example.org". */
static struct span root_of(struct imap_session *s, uint64_t owner)
{
	return owner == s->account_id ? REPLY_QUOTA_ROOT : imap_owner_name(s, owner, &s->run.arena);
}

/* Of another account: for who has been granted something there, or manages it. */
static enum err find_root(struct imap_session *s, struct span name, uint64_t *owner_out, struct span *root_out)
{
	enum err e = ERR_OK;

	*owner_out = s->account_id;
	if (!span_equals(name, REPLY_QUOTA_ROOT))
		e = imap_owner_find(s, name, owner_out);
	if (e == ERR_NOT_FOUND && !imap_owner_named(s, name, owner_out) && s->service->quota_may(s->ctx, *owner_out))
		e = ERR_OK;
	*root_out = e ? SPAN("") : root_of(s, *owner_out);
	return !e && !root_out->ptr ? ERR_TEMP : e;
}

enum step imap_run_getquota(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_room limits, used;
	struct span root;
	uint64_t owner;
	enum err e = find_root(s, args->mailbox.name, &owner, &root);

	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[NONEXISTENT] No such quota root"));
	if (!e)
		e = s->service->quota(s->ctx, owner, &limits, &used);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	reply_quota(s, out, root, &limits, &used);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

/* RFC 9208 4.1.2: also of a name under which there is nothing yet, where it can be made. */
static enum err find_mailbox(struct imap_session *s, struct span name, uint64_t *owner_out, struct span *shown_out)
{
	struct imap_place place;
	struct mailbox_info shown;
	struct imap_site site;
	enum err e = imap_place_find(s, name, RIGHT_READ, &place);

	if (e == ERR_NOT_FOUND && !imap_site_find(s, name, &site) && (site.rights & (RIGHT_READ | RIGHT_CREATE)) == (RIGHT_READ | RIGHT_CREATE)) {
		*owner_out = site.owner;
		*shown_out = site.full_name;
		return ERR_OK;
	}
	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (e)
		return e;
	*owner_out = place.owner;
	*shown_out = shown.name;
	return ERR_OK;
}

enum step imap_run_getquotaroot(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_room limits, used;
	struct span shown, root = SPAN("");
	uint64_t owner;
	enum err e = find_mailbox(s, args->mailbox.name, &owner, &shown);

	if (!e)
		e = s->service->quota(s->ctx, owner, &limits, &used);
	if (!e) {
		root = root_of(s, owner);
		e = root.ptr ? ERR_OK : ERR_TEMP;
	}
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	reply_quota_root(s, out, shown, root);
	reply_quota(s, out, root, &limits, &used);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

/* RFC 9208 3.1.1: a limit of 0 lets nothing in; here it would be none. */
static bool is_possible(const union imap_args *args)
{
	return !args->quota.unknown && (!args->quota.has_storage || (args->quota.storage && args->quota.storage <= UINT64_MAX / 1024)) &&
	       (!args->quota.has_message || args->quota.message);
}

/* What isn't named has no limit from then on (RFC 9208 4.1.3). */
enum step imap_run_setquota(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_room limits = { .bytes = args->quota.has_storage ? args->quota.storage * 1024 : 0, .messages = args->quota.has_message ? args->quota.message : 0 };
	struct store_room used;
	struct span root;
	uint64_t owner;
	enum err e = find_root(s, args->quota.root, &owner, &root);

	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[NONEXISTENT] No such quota root"));
	if (!e && !s->service->quota_may(s->ctx, owner))
		return imap_finish(s, out, IMAP_NO, SPAN("[NOPERM] Quotas are set by administrators"));
	if (!e && !is_possible(args))
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] STORAGE and MESSAGE can have a limit, of 1 or more"));
	if (!e)
		e = s->service->quota_set(s->ctx, owner, &limits);
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[INUSE] Another change is under way, try again later"));
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] No quota is as large as that"));
	if (!e)
		e = s->service->quota(s->ctx, owner, &limits, &used);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	reply_quota(s, out, root, &limits, &used);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}
