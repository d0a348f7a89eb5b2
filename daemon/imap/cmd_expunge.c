/* imap/cmd_expunge.c: EXPUNGE, UID EXPUNGE (RFC 4315), CLOSE: in batches, each one commit, so that many messages starve nobody of the account. The replies
 * come with the sync that ends the command. */
#include "daemon/imap/commands.h"
#include "daemon/imap/set_batch.h"
#include "daemon/imap/sync.h"

struct expunge_work {
	struct uid_range all;
	struct set_batches batches;
	size_t count;     /* that are gone */
	struct span text; /* of the tagged OK */
};

/* RFC 7162 3.2.7: with messages gone, the client is told how far it is up to date. */
static enum step expunged(struct imap_session *s, struct expunge_work *w, struct out *out, enum err e)
{
	s->run.tell_modseq = w->count && (s->enabled & ENABLED_CONDSTORE);
	return imap_finish_err(s, out, e, w->text);
}

static enum err expunge_batch(struct imap_session *s, struct expunge_work *w)
{
	struct uid_set batch;
	size_t count = 0;
	enum err e = set_batch_next(s, &w->batches, IMAP_EXPUNGE_BATCH, &batch);

	if (!e && batch.count)
		e = s->service->view_expunge(s->view, &batch, &count);
	w->count += count;
	arena_reset(&s->run.batch);
	return e;
}

static enum step expunge_more(struct imap_session *s, struct out *out)
{
	struct expunge_work *w = s->run.work;
	enum err e = w->batches.end ? ERR_OK : expunge_batch(s, w);

	return e || w->batches.end ? expunged(s, w, out, e) : STEP_MORE;
}

static struct expunge_work *begin(struct imap_session *s)
{
	struct expunge_work *w = arena_alloc(&s->run.arena, sizeof *w);

	s->run.work = w;
	if (w)
		*w = (struct expunge_work){ .all = { 1, UINT32_MAX }, .batches.set = { &w->all, 1 }, .text = SPAN("Done") };
	return w;
}

enum step imap_run_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	(void)args;
	if (!(s->at.rights & RIGHT_EXPUNGE))
		return imap_finish_err(s, out, ERR_DENIED, SPAN(""));
	if (!begin(s))
		return imap_finish_err(s, out, ERR_LIMIT, SPAN(""));
	s->run.more = expunge_more;
	return expunge_more(s, out);
}

enum step imap_run_uid_expunge(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct expunge_work *w = begin(s);
	struct uid_set *set = w ? &w->batches.set : NULL;
	uint32_t lowest;
	enum err e = w ? imap_set_resolve(s, &args->expunge.set, true, false, &s->run.arena, set) : ERR_LIMIT;

	if (!e && !(s->at.rights & RIGHT_EXPUNGE))
		e = ERR_DENIED;
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (imap_set_limit(s, set, &lowest))
		w->text = imap_limit_text(s, out, lowest, s->enabled & ENABLED_CONDSTORE);
	s->run.more = expunge_more;
	return expunge_more(s, out);
}

static enum step close_more(struct imap_session *s, struct out *out)
{
	struct expunge_work *w = s->run.work;
	enum err e = w->batches.end ? ERR_OK : expunge_batch(s, w);

	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	if (!w->batches.end)
		return STEP_MORE;
	imap_unselect(s);
	return imap_finish(s, out, IMAP_OK, w->text); /* without HIGHESTMODSEQ (RFC 7162 3.2.8): the client has not been told what is gone */
}

/* RFC 3501 6.4.2: removes what is \Deleted, without EXPUNGE replies; read-only, or without the right to (RFC 4314 4): nothing. */
enum step imap_run_close(struct imap_session *s, const union imap_args *args, struct out *out)
{
	struct expunge_work *w = begin(s);

	(void)args;
	if (!w)
		return imap_finish_err(s, out, ERR_LIMIT, SPAN(""));
	w->batches.end = s->read_only || !(s->at.rights & RIGHT_EXPUNGE);
	s->run.more = close_more;
	return close_more(s, out);
}
