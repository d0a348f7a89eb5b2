/* imap/sync.c: between the session and its view: changes to be told, sets, flags and names resolved. */
#include "daemon/imap/sync.h"

#include <stdlib.h>

#include "daemon/imap/context.h"
#include "daemon/imap/context_tell.h"
#include "daemon/imap/notify.h"
#include "daemon/imap/place.h"
#include "daemon/imap/reply.h"
#include "daemon/imap/reply_sync.h"
#include "daemon/imap/table.h"

bool imap_sync_begin(struct imap_session *s, bool may_expunge)
{
	struct imap_run *run = &s->run;

	run->changes = (struct view_changes){ 0 };
	run->expunged_at = run->changed_at = 0;
	if (!s->view)
		return false;
	if (!imap_may(s, RIGHT_READ)) { /* withdrawn: as if it had been deleted */
		run->changes.gone = true;
		return true;
	}
	if (!s->service->view_is_stale(s->view))
		return false;
	if (!imap_notify_may_sync(s, &may_expunge)) {
		run->changes.gone = s->service->view_is_gone(s->view);
		return run->changes.gone;
	}
	run->recent = s->service->view_recent_count(s->view);
	if (!s->service->view_sync(s->view, may_expunge, &run->arena, &run->changes)) {
		context_sync(s);
		return true;
	}
	run->changes = (struct view_changes){ 0 };
	return false;
}

void imap_sync_text(struct imap_session *s)
{
	struct imap_run *run = &s->run;

	if (!run->tell_modseq || run->status != IMAP_OK || !s->view || run->changes.gone)
		return;
	run->text = arena_printf(&run->arena, "[HIGHESTMODSEQ %llu] %.*s", (unsigned long long)s->service->view_modseq(s->view), (int)run->text.len, run->text.ptr);
}

void imap_condstore_on(struct imap_session *s, struct out *out)
{
	if ((s->enabled & ENABLED_CONDSTORE) || !imap_has(s, CAP_CONDSTORE))
		return;
	s->enabled |= ENABLED_CONDSTORE;
	if (s->view)
		reply_ok_code(out, arena_printf(&s->run.arena, "[HIGHESTMODSEQ %llu] Highest", (unsigned long long)s->service->view_modseq(s->view)));
}

/* False: the output is full. */
static bool emit_expunged(struct imap_session *s, struct out *out)
{
	const struct view_changes *c = &s->run.changes;
	const bool by_uid = s->enabled & (ENABLED_QRESYNC | ENABLED_UIDONLY);
	const size_t count = by_uid ? c->vanished_count : c->expunged_count;
	size_t *at = &s->run.expunged_at;

	while (*at < count) {
		if (out_is_full(out))
			return false;
		if (by_uid)
			*at += reply_vanished(out, c->vanished + *at, count - *at, false);
		else
			reply_count(out, c->expunged[(*at)++], "EXPUNGE");
	}
	return true;
}

static void emit_counts(struct imap_session *s, struct out *out)
{
	struct view_changes *c = &s->run.changes;
	const bool knows_recent = !(s->enabled & ENABLED_REV2);

	if (c->count_changed)
		reply_count(out, s->service->view_count(s->view), "EXISTS");
	if (c->count_changed || (c->expunged_count && !c->gone && knows_recent && s->service->view_recent_count(s->view) != s->run.recent)) {
		s->run.recent = s->service->view_recent_count(s->view);
		if (knows_recent)
			reply_count(out, s->run.recent, "RECENT");
	}
	c->count_changed = false;
}

/* A client may take the highest MODSEQ that it has seen for the mailbox's, and would pass over what this command couldn't tell: it is put back
 * to what is told whole (RFC 7162 3.2.5). */
static void emit_held_back(struct imap_session *s, struct out *out)
{
	const bool holds_back = s->run.command && (s->run.command->law & NO_EXPUNGE);

	if (!holds_back || !(s->enabled & ENABLED_QRESYNC) || !s->view || s->run.changes.gone || !s->service->view_is_stale(s->view))
		return;
	reply_ok_code(out, arena_printf(&s->run.arena, "[HIGHESTMODSEQ %llu] More is to be told", (unsigned long long)s->service->view_modseq(s->view)));
}

/* RFC 4314 5.1.1; the codes: RFC 3501 7.1, RFC 9051 7.1. */
static void emit_rights(struct imap_session *s, struct out *out)
{
	if (!s->rights_changed || !s->view)
		return;
	reply_select_flags(s, out);
	if (s->access_changed)
		reply_ok_code(out, s->read_only ? SPAN("[READ-ONLY] Nothing may be changed here now") : SPAN("[READ-WRITE] Some things may be changed here now"));
	s->rights_changed = s->access_changed = false;
}

bool imap_sync_emit(struct imap_session *s, struct out *out)
{
	struct view_changes *c = &s->run.changes;
	const bool by_uid = s->run.command && (s->run.command->law & BY_UID);
	const bool with_uid = by_uid || (s->enabled & (ENABLED_CONDSTORE | ENABLED_REV2)) || s->notify; /* RFC 7162 3.2.4, RFC 9051 7.5.2, RFC 5465 5.1 */

	if (!c->gone)
		emit_rights(s, out);
	if (!context_tell_vanished(s, out) || !emit_expunged(s, out))
		return false;
	if (!imap_notify_tells_flags(s))
		s->run.changed_at = c->changed_count;
	for (; s->run.changed_at < c->changed_count; s->run.changed_at++) {
		const struct view_flags_changed *f = &c->changed[s->run.changed_at];

		if (out_is_full(out))
			return false;
		imap_keywords_refresh(s, out, f->flags);
		reply_fetch_flags(s, out, f->sequence, f->uid, f->flags, s->enabled & ENABLED_CONDSTORE ? f->modseq : 0, with_uid);
	}
	emit_counts(s, out);
	if (!context_tell_changes(s, out))
		return false;
	emit_held_back(s, out);
	return true;
}

enum err imap_keywords_load(struct imap_session *s)
{
	enum err e;

	arena_clear(&s->keyword_arena);
	s->keyword_count = 0;
	s->keyword_mask = FLAG_SYSTEM;
	e = s->service->keywords(s->at.store, &s->keyword_arena, &s->keywords, &s->keyword_count);
	if (e)
		s->keyword_count = 0;
	if (!s->keyword_count) /* the usual case: an idle session holds nothing for it */
		arena_clear(&s->keyword_arena);
	for (size_t k = 0; k < s->keyword_count && k < FLAG_KEYWORDS_MAX; k++)
		if (s->keywords[k].len)
			s->keyword_mask |= (uint64_t)1 << (FLAG_KEYWORD_SHIFT + k);
	return e;
}

void imap_keywords_refresh(struct imap_session *s, struct out *out, uint64_t flags)
{
	uint64_t known = s->keyword_mask;

	if (!(flags & ~known))
		return;
	if (!imap_keywords_load(s) && s->keyword_mask != known)
		reply_select_flags(s, out);
}

static int by_first(const void *a, const void *b)
{
	const struct uid_range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static void merge(struct uid_set *set)
{
	size_t kept = 0;

	qsort(set->ranges, set->count, sizeof *set->ranges, by_first);
	for (size_t i = 0; i < set->count; i++) {
		struct uid_range r = set->ranges[i];

		if (kept && (uint64_t)set->ranges[kept - 1].last + 1 >= r.first) {
			if (r.last > set->ranges[kept - 1].last)
				set->ranges[kept - 1].last = r.last;
		} else {
			set->ranges[kept++] = r;
		}
	}
	set->count = kept;
}

/* One range as numbers in ascending order; `highest` is what "*" means. */
static struct uid_range range_of(struct imap_range in, uint32_t highest)
{
	uint32_t a = in.first ? in.first : highest, b = in.last ? in.last : highest;

	return a <= b ? (struct uid_range){ a, b } : (struct uid_range){ b, a };
}

/* "$", to be cut while it is worked on. */
static enum err copy_saved(const struct imap_session *s, struct arena *a, struct uid_set *out)
{
	out->count = s->saved.count;
	out->ranges = arena_array(a, out->count, sizeof *out->ranges);
	if (out->ranges && out->count)
		memcpy(out->ranges, s->saved.ranges, out->count * sizeof *out->ranges);
	return out->ranges ? ERR_OK : ERR_LIMIT;
}

/* Message numbers to UIDs. False: there is no such message. ERR_SYNTAX: and that is wrong. */
static enum err to_uids(const struct imap_session *s, const struct view *v, bool lenient, struct uid_range *r, bool *out)
{
	const uint32_t count = s->service->view_count(v);

	*out = count > 0 && r->first <= count;
	if (!lenient && (count == 0 || r->last > count)) /* RFC 9051 9: also "*" where it has no message to stand for */
		return ERR_SYNTAX;
	if (*out) {
		r->first = s->service->view_uid_of(v, r->first);
		r->last = s->service->view_uid_of(v, r->last > count ? count : r->last);
	}
	return ERR_OK;
}

enum err imap_set_resolve_in(const struct imap_session *s, const struct view *v, const struct imap_set *set, bool by_uid, bool lenient, struct arena *a,
			     struct uid_set *out)
{
	uint32_t count = s->service->view_count(v);
	uint32_t highest = by_uid ? s->service->view_last_uid(v) : count;
	enum err e = ERR_OK;

	if (set->saved && v == s->view)
		return copy_saved(s, a, out);
	out->count = 0;
	out->ranges = arena_array(a, set->count, sizeof *out->ranges);
	if (!out->ranges)
		return ERR_LIMIT;
	for (size_t i = 0; i < set->count && !e; i++) {
		struct uid_range r = range_of(set->ranges[i], highest);
		bool there = count > 0;

		if (!by_uid)
			e = to_uids(s, v, lenient, &r, &there);
		if (!e && there)
			out->ranges[out->count++] = r;
	}
	merge(out);
	return e;
}

enum err imap_set_resolve(struct imap_session *s, const struct imap_set *set, bool by_uid, bool lenient, struct arena *a, struct uid_set *out)
{
	return imap_set_resolve_in(s, s->view, set, by_uid, lenient, a, out);
}

enum err imap_set_known(const struct imap_set *set, struct arena *a, struct uid_set *out)
{
	out->count = 0;
	out->ranges = arena_array(a, set->count, sizeof *out->ranges);
	if (!out->ranges)
		return ERR_LIMIT;
	for (size_t i = 0; i < set->count; i++)
		out->ranges[out->count++] = range_of(set->ranges[i], UINT32_MAX);
	merge(out);
	return ERR_OK;
}

/* How many messages of the view lie in the range. */
static uint32_t count_range(const struct imap_session *s, struct uid_range r)
{
	uint32_t behind = r.last == UINT32_MAX ? s->service->view_count(s->view) + 1 : s->service->view_first_from(s->view, r.last + 1);

	return behind - s->service->view_first_from(s->view, r.first);
}

size_t imap_set_count(const struct imap_session *s, const struct uid_set *set)
{
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++)
		n += count_range(s, set->ranges[i]);
	return n;
}

bool imap_set_limit(const struct imap_session *s, struct uid_set *set, uint32_t *lowest_uid_out)
{
	uint32_t left = IMAP_MESSAGELIMIT;
	size_t i = set->count;

	if (!imap_has(s, CAP_MESSAGELIMIT) || s->service->view_count(s->view) <= IMAP_MESSAGELIMIT)
		return false;
	while (i > 0 && count_range(s, set->ranges[i - 1]) <= left)
		left -= count_range(s, set->ranges[--i]);
	if (i == 0)
		return false;
	if (left) { /* the last `left` messages of this range */
		struct uid_range *r = &set->ranges[--i];
		uint32_t first = s->service->view_first_from(s->view, r->first);

		r->first = s->service->view_uid_of(s->view, first + count_range(s, *r) - left);
	}
	set->ranges += i;
	set->count -= i;
	*lowest_uid_out = s->service->view_uid_of(s->view, s->service->view_first_from(s->view, set->ranges[0].first));
	return true;
}

struct span imap_limit_text(struct imap_session *s, struct out *out, uint32_t lowest_uid, bool has_code)
{
	if (!has_code)
		return arena_printf(&s->run.arena, "[MESSAGELIMIT %u %u] Only the last messages", IMAP_MESSAGELIMIT, lowest_uid);
	reply_limit(out, IMAP_MESSAGELIMIT, lowest_uid);
	return SPAN("Done");
}

bool uid_set_has(const struct uid_set *set, uint32_t uid)
{
	size_t low = 0, high = set->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (uid < set->ranges[mid].first)
			high = mid;
		else if (uid > set->ranges[mid].last)
			low = mid + 1;
		else
			return true;
	}
	return false;
}

/* Either all new keywords find room or none is made. */
static bool has_room(struct imap_session *s, struct mailstore *m, const struct imap_flags *flags)
{
	struct span *names;
	size_t count, wanted = 0;
	uint64_t bit;

	for (size_t i = 0; i < flags->count; i++)
		wanted += s->service->keyword_bit(m, flags->keywords[i], false, &bit) != ERR_OK;
	if (!wanted)
		return true;
	return !s->service->keywords(m, &s->run.arena, &names, &count) && wanted <= FLAG_KEYWORDS_MAX - count;
}

enum err imap_flags_resolve(struct imap_session *s, struct mailstore *m, const struct imap_flags *flags, bool create, uint64_t *out)
{
	*out = flags->system;
	if (create && !has_room(s, m, flags))
		return ERR_LIMIT;
	for (size_t i = 0; i < flags->count; i++) {
		uint64_t bit = 0;
		enum err e = s->service->keyword_bit(m, flags->keywords[i], create, &bit);

		if (e == ERR_NOT_FOUND && !create)
			continue;
		if (e)
			return e;
		*out |= bit;
	}
	return ERR_OK;
}
