/* imap/cmd_quota.c: GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208). An account has one quota root, over all of its mailboxes, when it has a limit,
 * and none otherwise; limits are set by administrators. */
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

/* setquota = "SETQUOTA" SP quota-root-name SP "(" [setquota-resource *(SP setquota-resource)] ")"
 * setquota-resource = resource-name SP resource-limit */
enum err imap_parse_setquota(struct imap_parser *p, union imap_args *out)
{
	enum err e = imap_parse_getquota(p, out);
	struct span name;
	uint64_t limit;

	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_expect(p, '(');
	if (e || parse_char(p, ')'))
		return e;
	do {
		e = parse_atom(p, &name);
		if (!e)
			e = parse_expect(p, ' ');
		if (!e)
			e = parse_number64(p, &limit);
	} while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

enum step imap_run_getquota(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_room limits, used;

	if (!span_equals(args->mailbox.name, REPLY_QUOTA_ROOT) || !imap_room(s, s->account_id, &limits, &used))
		return imap_finish(s, out, IMAP_NO, SPAN("[NONEXISTENT] No such quota root"));
	reply_quota(out, &limits, &used);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_getquotaroot(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_room limits, used;
	struct imap_place place;
	enum err e = imap_place_find(s, args->mailbox.name, RIGHT_READ, &place);
	bool has_room = !e && place.owner == s->account_id && imap_room(s, place.owner, &limits, &used);

	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	reply_quota_root(s, out, place.mailbox.name, has_room);
	if (has_room)
		reply_quota(out, &limits, &used);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

enum step imap_run_setquota(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	return imap_finish(s, out, IMAP_NO, SPAN("[NOPERM] Quotas are set by administrators"));
}
