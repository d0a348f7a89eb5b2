/* imap/cmd_mailbox.c: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 and RFC 9051 6.3). */
#include "daemon/imap/commands.h"
#include "daemon/imap/objectid.h"
#include "daemon/imap/place.h"

/* RFC 3501 6.3.3: a separator at the end of CREATE's name only says what is to come. */
static struct span without_end(struct span name)
{
	return name.len > 1 && span_ends(name, SPAN("/")) ? span_take(name, name.len - 1) : name;
}

/* A name in the store's form. */
static enum err normal(struct imap_session *s, struct span name, struct span *out)
{
	return s->service->name_normal(without_end(name), &s->run.arena, out);
}

static enum step create_failed(struct imap_session *s, enum err e, struct out *out)
{
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] Too long, too deep, or too many mailboxes"));
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[USEATTR] Another mailbox is for that"));
	return imap_finish_err(s, out, e == ERR_DENIED ? ERR_EXISTS : e, SPAN("")); /* DENIED: INBOX */
}

enum step imap_run_create(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	struct span name;
	enum err e = normal(s, args->create.name, &name);

	if (!e && args->create.impossible) /* RFC 6154 3 */
		return imap_finish(s, out, IMAP_NO, SPAN("[USEATTR] Not a use that a mailbox can have here"));
	if (!e)
		e = s->service->create(s->store, name, args->create.use);
	if (e)
		return create_failed(s, e, out);
	if (s->service->find(s->store, name, &s->run.arena, &m) || !m.exists) /* somebody was quicker */
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	if ((s->enabled & ENABLED_REV2) && !span_equals(m.name, without_end(args->create.name))) /* RFC 9051 6.3.4 */
		imap_list_one(s, &m, without_end(args->create.name), out);
	if (!imap_has(s, CAP_OBJECTID))
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	return imap_finish(s, out, IMAP_OK,
			   arena_printf(&s->run.arena, "[MAILBOXID (%s)] Done", objectid_make(OBJECTID_MAILBOX, s->account_id, m.id).text)); /* RFC 8474 4.1 */
}

/* As CREATE takes them, names with a separator at the end mean what stands before it. */
static enum err find(struct imap_session *s, struct span name, struct mailbox_info *out)
{
	struct span known;
	enum err e = normal(s, name, &known);

	if (e == ERR_SYNTAX || e == ERR_LIMIT)
		return ERR_NOT_FOUND;
	return e ? e : s->service->find(s->store, known, &s->run.arena, out);
}

enum step imap_run_delete(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	enum err e = find(s, args->mailbox.name, &m);

	if (!e)
		e = s->service->remove(s->store, m.name);
	/* Who deletes what it has selected knows; only others are sent away. */
	if (!e && imap_place_is_selected(s, s->account_id, m.id))
		imap_unselect(s);
	if (e == ERR_DENIED)
		return imap_finish(s, out, IMAP_NO, SPAN("[CANNOT] INBOX stays"));
	if (e == ERR_STATE)
		return imap_finish(s, out, IMAP_NO, SPAN("[HASCHILDREN] It is only a name above others"));
	return imap_finish_err(s, out, e, SPAN("Done"));
}

enum step imap_run_rename(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	struct span to;
	enum err e = find(s, args->rename.from, &m);

	if (!e)
		e = normal(s, args->rename.to, &to);
	if (!e)
		e = s->service->rename(s->store, m.name, to);
	if (!e && (s->enabled & ENABLED_REV2)) {
		struct span old_name = m.name;

		if (!s->service->find(s->store, to, &s->run.arena, &m))
			imap_list_one(s, &m, old_name, out); /* RFC 9051 6.3.6 */
	}
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* RFC 3501 6.3.6 lets a server ask that there is such a name. */
enum step imap_run_subscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct mailbox_info m;
	enum err e = find(s, args->mailbox.name, &m);

	if (!e)
		e = s->service->subscribe(s->store, m.name, true);
	return imap_finish_err(s, out, e, SPAN("Done"));
}

/* Not subscribed, or no possible name: as wanted. */
enum step imap_run_unsubscribe(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct span name;
	enum err e = normal(s, args->mailbox.name, &name);

	if (!e)
		e = s->service->subscribe(s->store, name, false);
	return imap_finish_err(s, out, e == ERR_NOT_FOUND ? ERR_OK : e, SPAN("Done"));
}
