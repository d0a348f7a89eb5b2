/* imap/cmd_multisearch.c: ESEARCH, a search in many mailboxes (RFC 7377):
 *
 *   names of mailboxes ──which of them are meant──▶ places ──one after the other──▶ view ──▶ search ──▶ a line, where something was found ──▶ closed
 *
 * (1) One view is open at a time besides the selected mailbox's, which serves itself, and one account besides the session's own.
 * (2) Of a mailbox without RIGHT_READ, or that is gone when its turn comes, nothing is said, as if it did not match (RFC 7377 2.2).
 * (3) What a mailbox's search holds lies in run.batch, and goes before the next one's.
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/context.h"
#include "daemon/imap/esearch.h"
#include "daemon/imap/mailbox_filter.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/shared_places.h"
#include "daemon/imap/sync.h"

#define LOOK_AT_CLOCK 16 /* mailboxes */

struct multi_place {
	uint64_t owner, mailbox_id;
	struct span name; /* as the client knows it */
	uint32_t uid_validity;
};

struct multi_work {
	struct mailbox_info *own; /* of the session's account, by name but for INBOX */
	size_t own_count;
	struct shared_places shared;
	size_t at, filter_at, name_at; /* what is looked at next: own, shared, then names that clients know without looking */
	bool has_own, has_list, has_all;

	struct multi_place *places;
	size_t count, place; /* `place`: that is searched */
	uint64_t open_owner; /* whose mail is open; 0: nobody else's */
	struct view *view;   /* opened here; null: the selected one, or none */
	struct search_work *search;
	struct search_telling *telling;
	bool is_kept; /* UPDATE was done, or refused */
};

static void close_view(struct imap_session *s, struct multi_work *w)
{
	w->search = NULL;
	w->telling = NULL;
	if (w->view)
		s->service->view_close(&w->view);
	arena_reset(&s->run.batch);
}

static void drop(struct imap_session *s)
{
	if (s->run.work)
		close_view(s, s->run.work);
	search_forget(&s->run.args.search.tree);
}

/* ---- which mailboxes ---- */

static bool has_source(const struct imap_session *s, bool selected)
{
	for (size_t i = 0; i < s->run.args.search.source_count; i++)
		if ((s->run.args.search.sources[i].kind == FILTER_SELECTED) == selected)
			return true;
	return false;
}

static bool is_meant(struct imap_session *s, uint64_t owner, uint64_t mailbox_id, struct span name, bool subscribed)
{
	if (has_source(s, true) && imap_place_is_selected(s, owner, mailbox_id))
		return true;
	for (size_t i = 0; i < s->run.args.search.source_count; i++)
		if (mailbox_filter_holds(&s->run.args.search.sources[i], name, owner == s->account_id, subscribed))
			return true;
	return false;
}

static enum err add_place(struct imap_session *s, struct multi_work *w, uint64_t owner, const struct mailbox_info *m, struct span name)
{
	w->places = parse_grow(&s->run.arena, w->places, w->count, sizeof *w->places);
	if (!w->places || !name.ptr)
		return ERR_LIMIT;
	w->places[w->count++] = (struct multi_place){ owner, m->id, name, m->uid_validity };
	return ERR_OK;
}

/* The session's subscriptions to what is not its own are names in its own account. */
static bool is_subscribed(const struct multi_work *w, struct span name)
{
	size_t low = 0, high = w->own_count;

	if (high && span_equals(w->own[0].name, SPAN("INBOX")))
		low = 1;
	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const int order = span_compare(w->own[middle].name, name);

		if (order == 0)
			return w->own[middle].subscribed;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static enum err look_at_own(struct imap_session *s, struct multi_work *w)
{
	const struct mailbox_info *m = &w->own[w->at];

	if (!m->exists || !is_meant(s, s->account_id, m->id, m->name, m->subscribed))
		return ERR_OK;
	return add_place(s, w, s->account_id, m, m->name);
}

static enum err look_at_shared(struct imap_session *s, struct multi_work *w)
{
	const struct imap_place *p = &w->shared.all[w->at - w->own_count];

	if (!(p->rights & RIGHT_READ) || !is_meant(s, p->owner, p->mailbox.id, p->mailbox.name, is_subscribed(w, p->mailbox.name)))
		return ERR_OK;
	return add_place(s, w, p->owner, &p->mailbox, p->mailbox.name);
}

static bool has_place(const struct multi_work *w, uint64_t owner, uint64_t mailbox_id)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->places[i].owner == owner && w->places[i].mailbox_id == mailbox_id)
			return true;
	return false;
}

/* RFC 7377 2.2: a mailbox that is named needs no RIGHT_LOOKUP, so it may be in no list. */
static enum err look_at_named(struct imap_session *s, struct multi_work *w)
{
	const struct mailbox_filter *f = &s->run.args.search.sources[w->filter_at];
	struct imap_place p;
	struct span name;
	enum err e;

	if (w->name_at == f->count) {
		w->filter_at++;
		w->name_at = 0;
		return ERR_OK;
	}
	name = f->names[w->name_at++];
	if (!span_starts(name, SPAN("Shared/")))
		return ERR_OK;
	imap_places_close(s);
	e = imap_place_find(s, name, RIGHT_READ, &p);
	if (e == ERR_NOT_FOUND || e == ERR_DENIED)
		return ERR_OK;
	if (e || p.owner == s->account_id || (p.rights & RIGHT_LOOKUP) || has_place(w, p.owner, p.mailbox.id))
		return e;
	return add_place(s, w, p.owner, &p.mailbox, imap_place_name(s, p.owner, p.mailbox.name, &s->run.arena));
}

/* Selected while there was a right to look it up, or without one. */
static enum err look_at_selected(struct imap_session *s, struct multi_work *w)
{
	struct mailbox_info *all;
	size_t count;
	enum err e;

	if (!has_source(s, true) || has_place(w, s->at.owner, s->at.mailbox.id) || !imap_may(s, RIGHT_READ))
		return ERR_OK;
	e = s->service->list(s->at.store, &s->run.arena, &all, &count);
	for (size_t i = 0; !e && i < count; i++)
		if (all[i].exists && all[i].id == s->at.mailbox.id)
			return add_place(s, w, s->at.owner, &all[i], imap_place_name(s, s->at.owner, all[i].name, &s->run.arena));
	return e;
}

/* Only a name or a subscription can mean what others share: whoever searches what is personal opens nobody else's mail. */
static bool has_shared_source(const struct imap_session *s)
{
	for (size_t i = 0; i < s->run.args.search.source_count; i++) {
		const enum filter_kind kind = s->run.args.search.sources[i].kind;

		if (kind == FILTER_SUBSCRIBED || kind == FILTER_SUBTREE || kind == FILTER_SUBTREE_ONE || kind == FILTER_MAILBOXES)
			return true;
	}
	return false;
}

/* A filter can mean something of theirs. */
static void leave_out_owners(const struct imap_session *s, struct shared_places *p)
{
	size_t kept = 0;

	for (size_t i = 0; i < p->owner_count; i++) {
		bool is_wanted = false;

		for (size_t k = 0; k < s->run.args.search.source_count && !is_wanted; k++)
			is_wanted = mailbox_filter_may_name(&s->run.args.search.sources[k], p->owners[i].name);
		if (is_wanted)
			p->owners[kept++] = p->owners[i];
	}
	p->owner_count = kept;
}

/* Own names at once, then those of others, an account at a time. */
static enum err load_lists(struct imap_session *s, struct multi_work *w, int64_t until_us)
{
	enum err e = ERR_OK;

	if (!w->has_own && has_source(s, false))
		e = s->service->list(s->store, &s->run.arena, &w->own, &w->own_count);
	if (!e && !w->has_own && has_shared_source(s))
		e = shared_places_begin(s, &s->run.arena, &w->shared);
	for (size_t i = 0; !e && !w->has_own && i < s->run.args.search.source_count; i++)
		e = mailbox_filter_normal(s, &s->run.args.search.sources[i], &s->run.arena);
	if (!w->has_own)
		leave_out_owners(s, &w->shared);
	w->has_own = true;
	while (!e && shared_places_more(s, &w->shared, &e))
		if (clock_mono_us() >= until_us)
			return ERR_OK;
	w->has_list = !e;
	return e;
}

static size_t listed_count(const struct multi_work *w)
{
	return w->own_count + w->shared.count;
}

/* *done_out: all are known. */
static enum err gather(struct imap_session *s, struct multi_work *w, int64_t until_us, bool *done_out)
{
	enum err e = w->has_list ? ERR_OK : load_lists(s, w, until_us);

	*done_out = false;
	while (!e && w->has_list && (w->at < listed_count(w) || w->filter_at < s->run.args.search.source_count)) {
		const bool is_named = w->at == listed_count(w);

		if ((is_named || w->at % LOOK_AT_CLOCK == 0) && clock_mono_us() >= until_us)
			return ERR_OK;
		e = is_named ? look_at_named(s, w) : w->at < w->own_count ? look_at_own(s, w)
									  : look_at_shared(s, w);
		w->at += !is_named;
	}
	if (e || !w->has_list)
		return e;
	e = look_at_selected(s, w);
	imap_places_close(s);
	*done_out = w->has_all = !e;
	return e;
}

/* ---- one after the other ---- */

/* ERR_NOT_FOUND: it is gone, or not to be read any more. */
static enum err open_place(struct imap_session *s, struct multi_work *w, struct search_place *out)
{
	const struct multi_place *p = &w->places[w->place];
	struct imap_place at = { .owner = p->owner };
	enum err e;

	*out = (struct search_place){ s->at.owner, s->at.store, s->view };
	if (imap_place_is_selected(s, p->owner, p->mailbox_id))
		return imap_may(s, RIGHT_READ) ? ERR_OK : ERR_NOT_FOUND;
	if (w->open_owner && w->open_owner != p->owner) { /* what the index said goes with the account that it was of */
		search_forget(&s->run.args.search.tree);
		imap_places_close(s);
		w->open_owner = 0;
	}
	if (p->owner != s->account_id) {
		if (!(s->service->share_rights(s->shares, p->owner, p->mailbox_id) & RIGHT_READ))
			return ERR_NOT_FOUND;
		w->open_owner = p->owner;
	}
	e = imap_place_open(s, &at);
	if (!e)
		e = s->service->view_open_readonly(at.store, p->mailbox_id, s->account_id, &w->view);
	*out = (struct search_place){ p->owner, at.store, w->view };
	return e;
}

static enum err begin_place(struct imap_session *s, struct multi_work *w)
{
	struct search_place place;
	enum err e = open_place(s, w, &place);

	if (!e && s->service->view_count(place.view))
		return search_work_new(s, &place, &s->run.batch, &w->search);
	if (!e && place.view == s->view) /* it is a result, too: to be kept as "$", and up to date */
		return search_work_new(s, &place, &s->run.batch, &w->search);
	close_view(s, w);
	w->place++;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* SAVE goes with the selected mailbox alone, and UPDATE is of that one whatever else is searched (RFC 7377 2.2). */
static enum err keep_result(struct imap_session *s, struct multi_work *w, const struct search_found *found, struct out *out)
{
	const unsigned what = s->run.args.search.wants.what;
	const struct multi_place *p = &w->places[w->place];

	if (found->view != s->view)
		return ERR_OK;
	if (what & RETURN_UPDATE) {
		if (context_begin(s, found, out))
			context_correlate(s, p->name, p->uid_validity);
		w->is_kept = true;
	}
	return what & RETURN_SAVE ? search_save(s, found, &s->run.args.search.wants) : ERR_OK;
}

static enum err found_place(struct imap_session *s, struct multi_work *w, struct out *out)
{
	const struct search_return *wants = &s->run.args.search.wants;
	const struct multi_place *p = &w->places[w->place];
	const struct search_mailbox name = { p->name, p->uid_validity };
	const struct search_found *found = search_found_of(w->search);
	enum err e = keep_result(s, w, found, out);

	if (e)
		return e;
	if (found->count && (wants->what & ~(unsigned)RETURN_UPDATE) != RETURN_SAVE) {
		w->telling = search_telling_begin(s, found, wants, &name, &s->run.batch);
		return w->telling ? ERR_OK : ERR_LIMIT;
	}
	close_view(s, w);
	w->place++;
	return ERR_OK;
}

/* A step of the present place. *wait_out: the output is full, or the time is up. */
static enum err step_place(struct imap_session *s, struct multi_work *w, int64_t until_us, struct out *out, bool *wait_out)
{
	bool done = false;
	enum err e;

	if (w->telling) {
		*wait_out = !search_telling_more(s, w->telling, out);
		if (!*wait_out) {
			close_view(s, w);
			w->place++;
		}
		return ERR_OK;
	}
	if (!w->search)
		return begin_place(s, w);
	e = search_work_turn(s, w->search, until_us, NULL, &done);
	if (!e && done)
		return found_place(s, w, out);
	*wait_out = true;
	return e;
}

static enum step finish(struct imap_session *s, struct multi_work *w, struct out *out)
{
	if ((s->run.args.search.wants.what & RETURN_UPDATE) && !w->is_kept)
		reply_noupdate(out, s->run.tag);
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

static enum step esearch_more(struct imap_session *s, struct out *out)
{
	struct multi_work *w = s->run.work;
	const int64_t until_us = clock_mono_us() + IMAP_TURN_US;
	bool done = w->has_all, wait = false;
	enum err e = ERR_OK;

	if (!w->has_all)
		e = gather(s, w, until_us, &done);
	while (!e && done && !wait && w->place < w->count && !out_is_full(out)) {
		e = step_place(s, w, until_us, out, &wait);
		wait = wait || clock_mono_us() >= until_us;
	}
	if (e) {
		close_view(s, w);
		return search_fail(s, out, e);
	}
	if (done && w->place == w->count)
		return finish(s, w, out);
	imap_in_progress(s, out, w->place, w->count);
	return STEP_MORE;
}

/* RFC 7377 2.2. */
static const char *what_is_wrong(const struct imap_session *s)
{
	const unsigned what = s->run.args.search.wants.what;

	if (has_source(s, true) && !s->view)
		return "No mailbox is selected";
	if ((what & RETURN_SAVE) && has_source(s, false))
		return "SAVE is for the selected mailbox alone";
	if ((what & RETURN_UPDATE) && !s->view)
		return "UPDATE is for the selected mailbox";
	return NULL;
}

enum step imap_run_esearch(struct imap_session *s, const union imap_args *args, struct out *out)
{
	const char *wrong = what_is_wrong(s);
	enum step step;
	enum err e;

	if (wrong)
		return imap_finish(s, out, IMAP_BAD, span_str(wrong));
	if (search_is_refused(s, out, &step))
		return step;
	s->run.work = arena_alloc(&s->run.arena, sizeof(struct multi_work));
	s->run.drop = drop;
	e = s->run.work ? search_prepare(s, &s->run.args.search.tree) : ERR_LIMIT;
	if (e)
		return search_fail(s, out, e);
	if (args->search.tree.has_modseq)
		imap_condstore_on(s, out);
	s->run.more = esearch_more;
	return esearch_more(s, out);
}
