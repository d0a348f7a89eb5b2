/* imap/cmd_store.c: STORE (RFC 3501 6.4.6, RFC 7162 3.1.3): in batches, each one commit, so that a large set starves nobody. */
#include "daemon/imap/commands.h"
#include "daemon/imap/context.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/set_batch.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

struct store_work {
	struct set_batches batches;
	uint64_t flags;
	struct view_flags_changed *rows; /* of the present batch, to be told */
	size_t count, at;
	struct uid_set modified; /* changed by others since (UNCHANGEDSINCE); in run.arena */
	bool has_gone;           /* some that the client knows are there no more */
	uint32_t lowest_uid;     /* over the limit: the lowest that is worked on; else 0 */
};

/* RFC 7162 3.1.3: with CONDSTORE the new modseq is told also for .SILENT. */
static void tell_row(struct imap_session *s, const struct view_flags_changed *f, struct out *out)
{
	const bool with_uid = (s->run.command->law & BY_UID) || (s->enabled & ENABLED_CONDSTORE); /* RFC 7162 3.2.4 */
	const uint64_t modseq = s->enabled & ENABLED_CONDSTORE ? f->modseq : 0;

	if (!s->run.args.store.silent) {
		imap_keywords_refresh(s, out, f->flags); /* others may have set keywords that were new */
		reply_fetch_flags(s, out, f->sequence, f->uid, f->flags, modseq, with_uid);
	} else if (modseq) {
		reply_fetch_modseq(s, out, f->sequence, f->uid, modseq, with_uid);
	}
}

static bool keep_modified(struct imap_session *s, struct store_work *w, const struct uid_set *more)
{
	struct uid_range *all;

	if (!more->count)
		return true;
	all = arena_array(&s->run.arena, w->modified.count + more->count, sizeof *all);
	if (!all)
		return false;
	if (w->modified.count)
		memcpy(all, w->modified.ranges, w->modified.count * sizeof *all);
	memcpy(all + w->modified.count, more->ranges, more->count * sizeof *all);
	w->modified = (struct uid_set){ all, w->modified.count + more->count };
	return true;
}

static enum err store_batch(struct imap_session *s, struct store_work *w, const struct uid_set *batch)
{
	const struct imap_service *service = s->service;
	const enum flag_change how = s->run.args.store.how;
	struct uid_set modified;
	bool has_gone = false;
	enum err e;

	if (!batch->count)
		return ERR_OK;
	if (!s->run.args.store.has_since) {
		e = service->view_store(s->view, batch, how, w->flags, &s->run.batch, &w->rows, &w->count);
		w->has_gone = w->has_gone || (!e && w->count < imap_set_count(s, batch));
		context_note(s, w->rows, e ? 0 : w->count);
		return e;
	}
	e = service->view_store_unchanged(s->view, batch, s->run.args.store.since, how, w->flags, &s->run.batch, &w->rows, &w->count, &modified, &has_gone);
	w->has_gone = w->has_gone || has_gone;
	context_note(s, w->rows, e ? 0 : w->count);
	return !e && !keep_modified(s, w, &modified) ? ERR_LIMIT : e;
}

/* UIDs that the view holds, each range without a gap, as sequence numbers. */
static void to_sequences(const struct imap_session *s, struct uid_set *set)
{
	for (size_t i = 0; i < set->count; i++) {
		struct uid_range *r = &set->ranges[i];

		r->first = s->service->view_first_from(s->view, r->first);
		r->last = s->service->view_first_from(s->view, r->last);
	}
}

/* Ranges that touch become one: batches have cut them, and sequence numbers have no gaps. */
static void join(struct uid_set *set)
{
	size_t kept = 0;

	for (size_t i = 1; i < set->count; i++) {
		if (set->ranges[i].first == set->ranges[kept].last + 1)
			set->ranges[kept].last = set->ranges[i].last;
		else
			set->ranges[++kept] = set->ranges[i];
	}
	set->count = kept + 1;
}

static enum step store_end(struct imap_session *s, struct store_work *w, struct out *out)
{
	const bool by_uid = s->run.command->law & BY_UID;
	struct span text = SPAN("Done");
	const bool has_code = w->modified.count || (w->has_gone && !by_uid);

	if (w->lowest_uid)
		text = imap_limit_text(s, out, w->lowest_uid, has_code);
	if (w->modified.count) {
		if (!by_uid)
			to_sequences(s, &w->modified);
		join(&w->modified);
		text = reply_modified(&s->run.arena, w->modified.ranges, w->modified.count, w->has_gone && !by_uid);
		if (!text.ptr)
			return imap_finish_err(s, out, ERR_LIMIT, SPAN(""));
		/* RFC 7162 3.1.3: a message that is gone has failed the test, and the client must learn that something has. */
		return imap_finish(s, out, w->has_gone && !by_uid ? IMAP_NO : IMAP_OK, text);
	}
	if (w->has_gone && !by_uid) /* RFC 5530: a NOOP tells which */
		text = SPAN("[EXPUNGEISSUED] Some of the messages no longer exist");
	return imap_finish(s, out, IMAP_OK, text);
}

static enum step store_more(struct imap_session *s, struct out *out)
{
	struct store_work *w = s->run.work;
	struct uid_set batch;
	enum err e;

	for (; w->at < w->count; w->at++) {
		if (out_is_full(out))
			return STEP_MORE;
		tell_row(s, &w->rows[w->at], out);
	}
	arena_clear(&s->run.batch);
	w->rows = NULL;
	w->count = w->at = 0;
	if (w->batches.end)
		return store_end(s, w, out);
	e = set_batch_next(s, &w->batches, IMAP_STORE_BATCH, &batch);
	if (!e)
		e = store_batch(s, w, &batch);
	return e ? imap_finish_err(s, out, e, SPAN("")) : STEP_MORE;
}

/* RFC 4314 4: one flag that may be changed is enough; the view leaves the others as they are. */
static bool may_store(const struct imap_session *s, const union imap_args *args)
{
	const uint64_t allowed = imap_rights_flags(s->at.rights), asked = args->store.flags.system | (args->store.flags.count ? ~(uint64_t)FLAG_SYSTEM : 0);

	return args->store.how == FLAGS_REPLACE ? allowed != 0 : !asked || (asked & allowed);
}

enum step imap_run_store(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e = w ? imap_set_resolve(s, &args->store.set, s->run.command->law & BY_UID, false, &s->run.arena, &w->batches.set) : ERR_LIMIT;

	if (args->store.has_since) /* whatever becomes of it */
		imap_condstore_on(s, out);
	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (!e && !may_store(s, args))
		return imap_finish(s, out, IMAP_NO, SPAN("[NOPERM] These flags may not be changed"));
	if (!e)
		e = imap_flags_resolve(s, s->at.store, &args->store.flags, args->store.how != FLAGS_REMOVE && (s->at.rights & RIGHT_WRITE), &w->flags);
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] Too many keywords in this account"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	imap_keywords_refresh(s, out, w->flags);
	(void)imap_set_limit(s, &w->batches.set, &w->lowest_uid);
	s->run.work = w;
	s->run.more = store_more;
	return store_more(s, out);
}
