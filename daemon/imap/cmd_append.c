/* imap/cmd_append.c: APPEND (RFC 9051 6.3.12, MULTIAPPEND of RFC 3502), and what REPLACE has of it.
 *
 *   begin ──walk, feed...──▶ DONE ──▶ all filed in one commit        drop, at any time: nothing is left
 */
#include <stdlib.h>

#include "daemon/imap/append.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/notify_own.h"
#include "daemon/imap/place.h"
#include "daemon/imap/quota.h"
#include "daemon/imap/table.h"

bool imap_append_begin(struct imap_session *s, size_t at)
{
	struct imap_append *ap;
	struct imap_place place;
	enum err e = imap_place_find(s, s->run.args.append.name, RIGHT_INSERT, &place);

	if (e) {
		imap_append_refuse(s, IMAP_NO, e == ERR_NOT_FOUND ? imap_place_missing(s, s->run.args.append.name) : e == ERR_DENIED ? SPAN("[NOPERM] Nothing may be filed there")
																     : SPAN("[UNAVAILABLE] Temporary failure, try again later"));
		return false;
	}
	ap = calloc(1, sizeof *ap);
	if (!ap) {
		imap_append_refuse(s, IMAP_NO, SPAN("[UNAVAILABLE] Temporary failure, try again later"));
		return false;
	}
	ap->store = place.store;
	ap->owner = place.owner;
	ap->rights = place.rights;
	ap->mailbox_id = place.mailbox.id;
	if (s->enabled & ENABLED_REV2)
		ap->written = arena_copy(&s->run.arena, s->run.args.append.name);
	ap->at = at;
	ap->has_room = imap_room(s, ap->owner, &ap->room, &ap->used);
	s->append = ap;
	return s->run.command->run != imap_run_replace || imap_replace_begin(s);
}

void imap_append_feed(struct imap_session *s, struct span bytes)
{
	append_message_feed(s, s->append->now, bytes, s->append->may_nul);
}

static void drop(struct imap_session *s, bool is_filed)
{
	struct imap_append *ap = s->append;

	s->append = NULL;
	if (!ap)
		return;
	catenate_end(&ap->source);
	append_message_free(s, &ap->now, false);
	while (ap->first) {
		struct append_message *m = ap->first;

		ap->first = m->next;
		append_message_free(s, &m, is_filed);
	}
	free(ap);
}

void imap_append_drop(struct imap_session *s)
{
	drop(s, false);
}

/* A message may be long on its way: what the owner withdrew meanwhile is withdrawn. */
static bool may_insert_still(const struct imap_session *s, const struct imap_append *ap)
{
	return ap->owner == s->account_id || (s->service->share_rights(s->shares, ap->owner, ap->mailbox_id) & RIGHT_INSERT);
}

enum err imap_append_file(struct imap_session *s, struct append_result *out)
{
	struct imap_append *ap = s->append;
	const struct store_room *room = ap->has_room ? &ap->room : NULL;
	struct new_message *messages = arena_array(&s->run.arena, ap->count, sizeof *messages);
	size_t n = 0;
	enum err e = !messages ? ERR_TEMP : may_insert_still(s, ap) ? ERR_OK
								    : ERR_DENIED;

	for (struct append_message *m = ap->first; messages && m; m = m->next)
		messages[n++] = m->filed;
	if (!e)
		e = ap->replaced ? s->service->view_replace(s->view, ap->replaced, ap->mailbox_id, messages, room, out)
				 : s->service->append_all(ap->store, ap->mailbox_id, messages, n, room, out);
	if (!e)
		notify_own_messages(s, ap->owner, ap->mailbox_id, out->uid, out->uid + (uint32_t)n - 1);
	drop(s, !e);
	return e;
}

bool imap_append_tells_uids(const struct imap_session *s)
{
	return imap_has(s, CAP_UIDPLUS) && (s->append->rights & RIGHT_READ);
}

enum step imap_append_failed(struct imap_session *s, struct out *out, enum err e)
{
	if (e == ERR_NOT_FOUND)
		return imap_finish(s, out, IMAP_NO, SPAN("[TRYCREATE] No such mailbox"));
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[OVERQUOTA] There is no room for the message"));
	return imap_finish_err(s, out, e, SPAN(""));
}

/* RFC 9051 6.3.12: the name by which the mailbox is listed, if the client has another one. */
static void tell_name(struct imap_session *s, struct span written, struct out *out)
{
	struct mailbox_info shown;
	struct imap_place place;

	if (written.ptr && !imap_place_find(s, written, RIGHT_INSERT, &place) && !imap_place_shown(s, &place, &shown) && !span_equals(shown.name, written))
		imap_list_one(s, &shown, written, out);
}

/* Runs when everything is there. */
enum step imap_run_append(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const size_t count = s->append->count;
	const bool tells_uids = imap_append_tells_uids(s);
	const struct span written = s->append->written;
	struct append_result result = { 0, 0 };
	enum err e = imap_append_file(s, &result);

	(void)args;
	if (e)
		return imap_append_failed(s, out, e);
	tell_name(s, written, out);
	if (!tells_uids)
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	if (count == 1)
		return imap_finish(s, out, IMAP_OK, arena_printf(&s->run.arena, "[APPENDUID %u %u] Done", result.uid_validity, result.uid));
	return imap_finish(s, out, IMAP_OK, arena_printf(&s->run.arena, "[APPENDUID %u %u:%u] Done", result.uid_validity, result.uid, (unsigned)(result.uid + count - 1)));
}
