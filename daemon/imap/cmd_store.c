/* imap/cmd_store.c: STORE (RFC 3501 6.4.6): in batches, each one commit, so that a large set starves nobody. */
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/sync.h"
#include "daemon/imap/table.h"

struct store_work {
	struct uid_set set;
	uint64_t flags;
	uint32_t next_uid; /* first of the next batch */
	bool end;
	struct view_flags_changed *rows; /* of the present batch, to be told */
	size_t count, at;
};

/* The part of the set from next_uid on that has at most IMAP_STORE_BATCH messages. */
static bool next_batch(struct imap_session *s, struct store_work *w, struct uid_set *out)
{
	uint32_t first = s->service->view_first_from(s->view, w->next_uid), count = s->service->view_count(s->view);
	uint32_t last_uid;
	size_t n = 0;

	if (first > count)
		return false;
	last_uid = count - first >= IMAP_STORE_BATCH ? s->service->view_uid_of(s->view, first + IMAP_STORE_BATCH - 1) : UINT32_MAX;
	out->ranges = arena_array(&s->run.batch, w->set.count, sizeof *out->ranges);
	if (!out->ranges)
		return false;
	for (size_t i = 0; i < w->set.count; i++) {
		struct uid_range r = w->set.ranges[i];

		if (r.last < w->next_uid || r.first > last_uid)
			continue;
		out->ranges[n].first = r.first > w->next_uid ? r.first : w->next_uid;
		out->ranges[n++].last = r.last < last_uid ? r.last : last_uid;
	}
	out->count = n;
	w->end = last_uid == UINT32_MAX;
	w->next_uid = w->end ? last_uid : last_uid + 1;
	return true;
}

static enum step store_more(struct imap_session *s, struct out *out)
{
	struct store_work *w = s->run.work;
	bool with_uid = s->run.command->law & BY_UID;
	struct uid_set batch;
	enum err e;

	for (; w->at < w->count && !s->run.args.store.silent; w->at++) {
		const struct view_flags_changed *f = &w->rows[w->at];

		if (out_is_full(out))
			return STEP_MORE;
		imap_keywords_refresh(s, out, f->flags); /* others may have set keywords that were new */
		reply_fetch_flags(s, out, f->sequence, f->uid, f->flags, s->enabled & ENABLED_CONDSTORE ? f->modseq : 0, with_uid);
	}
	arena_clear(&s->run.batch);
	w->rows = NULL;
	w->count = w->at = 0;
	if (w->end || !next_batch(s, w, &batch))
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	e = batch.count ? s->service->view_store(s->view, &batch, s->run.args.store.how, w->flags, &s->run.batch, &w->rows, &w->count) : ERR_OK;
	return e ? imap_finish_err(s, out, e, SPAN("")) : STEP_MORE;
}

enum step imap_run_store(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct store_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e = w ? imap_set_resolve(s, &args->store.set, s->run.command->law & BY_UID, false, &s->run.arena, &w->set) : ERR_LIMIT;

	if (e == ERR_SYNTAX)
		return imap_finish(s, out, IMAP_BAD, SPAN("No such message"));
	if (!e)
		e = imap_flags_resolve(s, &args->store.flags, args->store.how != FLAGS_REMOVE, &w->flags);
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] Too many keywords in this account"));
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	imap_keywords_refresh(s, out, w->flags);
	w->next_uid = 1;
	s->run.work = w;
	s->run.more = store_more;
	return store_more(s, out);
}
