/* imap/cmd_acl.c: SETACL, DELETEACL, GETACL, LISTRIGHTS and MYRIGHTS (RFC 4314 3).
 *
 * An identifier is an account's address, or "anyone": whoever has an account in the owner's domain. The owner has all rights, always; rights that are taken
 * away from who has them otherwise ("-fred") there are not.
 */
#include "daemon/imap/commands.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply_acl.h"
#include "daemon/mime/saslprep.h"

#define ANYONE SPAN("anyone")
#define NEGATIVE SPAN("-")
#define IDENTIFIER_MAX 4096

/* mailbox SP identifier */
static enum err parse_subject(struct imap_parser *p, union imap_args *out)
{
	enum err e = parse_expect(p, ' ');

	if (!e)
		e = parse_mailbox(p, &out->acl.name);
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_astring(p, &out->acl.identifier);
	return !e && (!out->acl.identifier.len || !span_is_utf8(out->acl.identifier)) ? ERR_SYNTAX : e;
}

/* deleteacl = "DELETEACL" SP mailbox SP identifier; listrights = "LISTRIGHTS" SP mailbox SP identifier */
enum err imap_parse_deleteacl(struct imap_parser *p, union imap_args *out)
{
	out->acl.how = GRANT_REPLACE;
	out->acl.rights = 0;
	return parse_subject(p, out);
}

/* setacl = "SETACL" SP mailbox SP identifier SP mod-rights */
enum err imap_parse_setacl(struct imap_parser *p, union imap_args *out)
{
	struct span rights;
	enum err e = parse_subject(p, out);

	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_astring(p, &rights);
	if (e)
		return e;
	out->acl.how = span_starts(rights, SPAN("+")) ? GRANT_ADD : span_starts(rights, SPAN("-")) ? GRANT_TAKE
												   : GRANT_REPLACE;
	return rights_parse(span_skip(rights, out->acl.how == GRANT_REPLACE ? 0 : 1), &out->acl.rights);
}

static enum err find_called(struct imap_session *s, struct span identifier, uint64_t *out)
{
	*out = GRANTEE_ANYONE;
	if (span_starts(identifier, NEGATIVE))
		return ERR_NOT_FOUND;
	return span_iequals(identifier, ANYONE) ? ERR_OK : s->service->share_find(s->shares, identifier, out);
}

/* What stands there is looked for first, then what SASLprep makes of it (RFC 4314 3): all that LOGIN takes as a name is that account's identifier (2), and
 * SASLprep refuses some of them (a right-to-left name at a left-to-right domain) or makes another account's name of them (compatibility characters).
 * ERR_NOT_FOUND: nobody is called so; ERR_SYNTAX: SASLprep refuses it, or leaves nothing. */
static enum err find_grantee(struct imap_session *s, struct span identifier, uint64_t *out)
{
	struct buf prepared;
	enum err e = find_called(s, identifier, out);

	if (e != ERR_NOT_FOUND)
		return e;
	buf_init(&prepared, IDENTIFIER_MAX);
	e = saslprep(identifier, &prepared);
	if (e == ERR_LIMIT) /* too long for anybody */
		e = ERR_NOT_FOUND;
	else if (!e && !prepared.len)
		e = ERR_SYNTAX;
	if (!e)
		e = find_called(s, buf_span(&prepared), out);
	buf_clear(&prepared);
	return e;
}

/* Of a command with an identifier. */
static enum step finish(struct imap_session *s, struct out *out, enum err e)
{
	switch (e) {
	case ERR_NOT_FOUND: return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] There is no such account"));
	case ERR_LIMIT: return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] The account grants too much already"));
	case ERR_STATE: return imap_finish(s, out, IMAP_NO, SPAN("[INUSE] Other changes are under way, try again later"));
	case ERR_SYNTAX: return imap_finish(s, out, IMAP_BAD, SPAN("That can't be an identifier"));
	case ERR_OK:
	case ERR_DENIED:
	case ERR_EXISTS:
	case ERR_TEMP:
	case ERR_CORRUPT: break;
	}
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* SETACL and DELETEACL. */
enum step imap_run_setacl(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct imap_grant_change change = { .how = args->acl.how };
	struct imap_place place;
	enum err e = imap_place_find(s, args->acl.name, RIGHT_ADMIN, &place);

	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	e = find_grantee(s, args->acl.identifier, &change.grant.grantee);
	if (e == ERR_NOT_FOUND && span_starts(args->acl.identifier, NEGATIVE))
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] Rights can't be negative here"));
	if (!e && change.grant.grantee == place.owner)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] The owner has all rights, always"));
	change.grant.owner = place.owner;
	change.grant.mailbox = place.mailbox.id;
	change.grant.rights = args->acl.rights;
	change.mailbox = place.mailbox.name;
	return finish(s, out, e ? e : s->service->share_change(s->shares, &change));
}

/* Accounts that are gone have no grants; one that goes right now is left out. */
static void tell_acl(struct imap_session *s, const struct imap_place *place, struct span name, const struct grant *grants, size_t count, struct out *out)
{
	struct span owner = s->service->share_address(s->shares, place->owner, &s->run.arena);

	reply_acl_begin(s, out, name);
	if (owner.ptr)
		reply_acl_entry(s, out, owner, RIGHT_ALL);
	for (size_t i = 0; i < count; i++) {
		struct span grantee = grants[i].grantee == GRANTEE_ANYONE ? ANYONE : s->service->share_address(s->shares, grants[i].grantee, &s->run.arena);

		if (grantee.ptr)
			reply_acl_entry(s, out, grantee, grants[i].rights);
	}
	reply_acl_end(out);
}

enum step imap_run_getacl(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	struct grant *grants;
	size_t count;
	enum err e = imap_place_find(s, args->mailbox.name, RIGHT_ADMIN, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (!e)
		e = s->service->share_list(s->shares, place.owner, place.mailbox.id, &s->run.arena, &grants, &count);
	if (!e)
		tell_acl(s, &place, shown.name, grants, count, out);
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_listrights(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	uint64_t grantee;
	enum err e = imap_place_find(s, args->acl.name, RIGHT_ADMIN, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	e = find_grantee(s, args->acl.identifier, &grantee);
	if (!e)
		reply_listrights(s, out, shown.name, args->acl.identifier, grantee == place.owner ? RIGHT_ALL : 0);
	return finish(s, out, e);
}

enum step imap_run_myrights(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const unsigned any = RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE | RIGHT_DELETE_MAILBOX | RIGHT_ADMIN;
	struct mailbox_info shown = { .id = 0 };
	struct imap_place place;
	enum err e = imap_place_known(s, args->mailbox.name, any, &place);

	if (!e)
		e = imap_place_shown(s, &place, &shown);
	if (!e)
		reply_myrights(s, out, shown.name, place.rights);
	return imap_finish_err(s, out, e, SPAN("Done"));
}
