/* imap/cmd_select.c: SELECT and EXAMINE (RFC 3501 6.3.1, RFC 9051 6.3.2), with what a client that was away has missed (RFC 7162 3.2.5). */
#include "daemon/imap/commands.h"
#include "daemon/imap/objectid.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/sync.h"

/* Of QRESYNC, while it is told. */
struct select_work {
	struct uid_set known, vanished;
	uint64_t modseq;
	size_t vanished_at;
	uint32_t after_uid;
	bool end;
};

struct select_row {
	struct imap_session *s;
	struct out *out;
};

static void tell(struct imap_session *s, const struct mailbox_info *m, struct span written, struct out *out)
{
	const bool rev2 = s->enabled & ENABLED_REV2;
	uint32_t unseen = 0, last = s->service->view_last_uid(s->view);
	struct arena *a = &s->run.arena;

	reply_select_flags(s, out);
	reply_count(out, s->service->view_count(s->view), "EXISTS");
	if (!rev2)
		reply_count(out, s->service->view_recent_count(s->view), "RECENT");
	/* A sequence number; RFC 9051 has it no more, RFC 9586 forbids it. */
	if (!rev2 && !(s->enabled & ENABLED_UIDONLY) && !s->service->view_first_unseen(s->view, &unseen) && unseen)
		reply_ok_code(out, arena_printf(a, "[UNSEEN %u] First unseen message", unseen));
	reply_ok_code(out, arena_printf(a, "[UIDVALIDITY %u] UIDs are valid", m->uid_validity));
	/* A message may have come between reading the mailbox's row and opening the view. */
	reply_ok_code(out, arena_printf(a, "[UIDNEXT %u] Next UID", last >= m->uid_next ? last + 1 : m->uid_next));
	if (imap_has(s, CAP_CONDSTORE))
		reply_ok_code(out, arena_printf(a, "[HIGHESTMODSEQ %llu] Highest", (unsigned long long)s->service->view_modseq(s->view)));
	if (imap_has(s, CAP_OBJECTID))
		reply_ok_code(out, arena_printf(a, "[MAILBOXID (%s)] Its id", objectid_make(OBJECTID_MAILBOX, s->at.owner, m->uid_validity).text));
	if (imap_has(s, CAP_URLAUTH))
		reply_ok_code(out, SPAN("[URLMECH INTERNAL] How its URLs can be signed"));
	if (rev2)
		imap_list_one(s, m, written, out);
}

/* Reads a set number by number, in runs. */
struct cursor {
	const struct imap_set *set;
	size_t at;
	uint64_t next, end;
};

/* False: at its end, or where it does not ascend. */
static bool cursor_fill(struct cursor *c)
{
	struct imap_range r;

	if (c->next < c->end)
		return true;
	if (c->at == c->set->count)
		return false;
	r = c->set->ranges[c->at];
	if (r.first < c->end || r.last < r.first)
		return false;
	c->at++;
	c->next = r.first;
	c->end = (uint64_t)r.last + 1;
	return true;
}

/* How many of n pairs, counted up from this one, are true; after one that is not none is. */
static uint64_t true_pairs(const struct imap_session *s, uint64_t sequence, uint64_t uid, uint64_t n)
{
	uint64_t low = 0;
	uint32_t found;

	while (low < n) {
		uint64_t middle = low + (n - low) / 2;

		if (s->service->view_sequence_of(s->view, (uint32_t)(uid + middle), &found) && found == sequence + middle)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

/* Up to which UID the client has missed no expunge, by pairs of sequence number and UID as it knows them (RFC 7162 3.2.5.2): below the highest
 * pair that is still true nothing is gone. 0: unknown. */
static uint32_t agreed_uid(const struct imap_session *s, const struct imap_set *sequences, const struct imap_set *uids)
{
	struct cursor sequence = { .set = sequences }, uid = { .set = uids };
	uint32_t agreed = 0;

	while (cursor_fill(&sequence) && cursor_fill(&uid)) {
		const uint64_t of_sequences = sequence.end - sequence.next, of_uids = uid.end - uid.next;
		const uint64_t n = of_sequences < of_uids ? of_sequences : of_uids, good = true_pairs(s, sequence.next, uid.next, n);

		if (good)
			agreed = (uint32_t)(uid.next + good - 1);
		if (good < n)
			break;
		sequence.next += n;
		uid.next += n;
	}
	return agreed;
}

/* What of `known` may have vanished. */
static struct uid_set above(const struct uid_set *known, uint32_t agreed, struct arena *a)
{
	struct uid_set set = { arena_array(a, known->count, sizeof *set.ranges), 0 };

	for (size_t i = 0; set.ranges && i < known->count; i++) {
		struct uid_range r = known->ranges[i];

		if (r.last <= agreed)
			continue;
		if (r.first <= agreed)
			r.first = agreed + 1;
		set.ranges[set.count++] = r;
	}
	return set;
}

static bool tell_row(void *arg, const struct message_row *row)
{
	struct select_row *r = arg;
	uint32_t sequence;

	if (!r->s->service->view_sequence_of(r->s->view, row->uid, &sequence))
		return true;
	imap_keywords_refresh(r->s, r->out, row->flags);
	reply_fetch_flags(r->s, r->out, sequence, row->uid, row->flags, row->modseq, true);
	return !out_is_full(r->out);
}

static enum step selected(struct imap_session *s, struct out *out)
{
	return imap_finish(s, out, IMAP_OK, s->read_only ? SPAN("[READ-ONLY] Selected") : SPAN("[READ-WRITE] Selected"));
}

static enum step failed(struct imap_session *s, struct out *out, enum err e)
{
	imap_unselect(s);
	return imap_finish_err(s, out, e, SPAN(""));
}

static enum step resync_more(struct imap_session *s, struct out *out)
{
	struct select_work *w = s->run.work;
	struct select_row each = { s, out };
	enum err e;

	while (w->vanished_at < w->vanished.count) {
		if (out_is_full(out))
			return STEP_MORE;
		w->vanished_at += reply_vanished(out, w->vanished.ranges + w->vanished_at, w->vanished.count - w->vanished_at, true);
	}
	if (w->end)
		return selected(s, out);
	e = s->service->view_read_since(s->view, &w->known, w->modseq, w->after_uid, WANT_FLAGS, tell_row, &each, &w->after_uid, &w->end);
	return e ? failed(s, out, e) : STEP_MORE;
}

static enum step resync(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct imap_range any = { 1, 0 };
	const struct imap_set all = { .ranges = &any, .count = 1 };
	struct select_work *w = arena_alloc(&s->run.arena, sizeof *w);
	struct uid_set left;
	enum err e = w ? imap_set_known(args->select.known.count ? &args->select.known : &all, &s->run.arena, &w->known) : ERR_LIMIT;

	if (!e) {
		left = above(&w->known, agreed_uid(s, &args->select.match_sequences, &args->select.match_uids), &s->run.arena);
		e = left.ranges ? s->service->view_vanished(s->view, args->select.modseq, &left, &s->run.arena, &w->vanished) : ERR_LIMIT;
	}
	if (e)
		return failed(s, out, e);
	w->modseq = args->select.modseq;
	s->run.work = w;
	s->run.more = resync_more;
	return resync_more(s, out);
}

/* `shown`: the mailbox as the client is to see it. */
static enum err enter(struct imap_session *s, struct span name, bool read_only, struct mailbox_info *shown)
{
	const struct imap_service *service = s->service;
	struct imap_place place;
	enum err e = imap_place_find(s, name, RIGHT_READ, &place);

	if (!e)
		e = imap_place_shown(s, &place, shown);
	if (!e)
		e = imap_place_enter(s, &place);
	if (e)
		return e;
	s->examined = read_only;
	s->read_only = read_only || !(place.rights & RIGHTS_TO_CHANGE);
	s->rights_changed = s->access_changed = false;
	e = s->read_only ? service->view_open_readonly(s->at.store, place.mailbox.id, s->account_id, &s->view)
			 : service->view_open(s->at.store, place.mailbox.id, s->account_id, &s->view);
	if (!e && place.owner != s->account_id)
		service->view_allow(s->view, imap_rights_flags(place.rights));
	return e;
}

static enum step select_mailbox(struct imap_session *s, const union imap_args *args, bool read_only, struct out *out)
{
	struct mailbox_info shown = { .id = 0 };
	enum err e;

	if (args->select.qresync && !(s->enabled & ENABLED_QRESYNC)) /* RFC 7162 3.2.5 */
		return imap_finish(s, out, IMAP_BAD, SPAN("QRESYNC is not enabled"));
	if (args->select.match_uids.count && (s->enabled & ENABLED_UIDONLY))
		return imap_finish(s, out, IMAP_BAD, SPAN("[UIDREQUIRED] UIDONLY is on: no sequence numbers"));
	if (s->state == IMAP_SELECTED) {
		imap_unselect(s); /* also when the new one can't be had */
		reply_untagged(out, "OK [CLOSED] The mailbox before is closed");
	}
	if (args->select.condstore)
		imap_condstore_on(s, out);
	e = enter(s, args->select.name, read_only, &shown);
	if (!e)
		e = imap_keywords_load(s);
	if (e)
		return failed(s, out, e);
	imap_set_state(s, IMAP_SELECTED);
	tell(s, &shown, args->select.name, out);
	return args->select.qresync && args->select.uid_validity == shown.uid_validity ? resync(s, args, out) : selected(s, out);
}

enum step imap_run_select(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return select_mailbox(s, args, false, out);
}

enum step imap_run_examine(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return select_mailbox(s, args, true, out);
}
