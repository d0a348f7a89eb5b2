/* imap/cmd_list.c: LIST and LSUB (RFC 3501 6.3.8, 6.3.9; RFC 5258, 5819, 6154, 9051 6.3.9).
 *
 * Two walks over the names, in order: the first marks what the patterns match and counts what the selection options select, so that
 * "is something selected below this name?" is two look-ups; the second tells. Both yield.
 *
 * RECURSIVEMATCH, and "%" of LSUB, tell a parent for what is selected below it and not told itself (RFC 5258 3.5, example 5.9); what CHILDINFO
 * says of a name that is told counts all that is below it.
 */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/list_rows.h"
#include "daemon/imap/reply_acl.h"
#include "daemon/imap/metadata.h"
#include "daemon/imap/reply_mailbox.h"

#define LOOK_AT_CLOCK (64u * 1024u) /* steps of matching */

struct list_work {
	struct list_pattern patterns[IMAP_PATTERNS_MAX];
	size_t pattern_count, pattern_bytes;
	struct list_wish wish;
	struct list_rows rows;
	size_t at;
	bool lsub, has_marks;
	bool parents;  /* tell who has something selected below, too */
	bool *matched; /* of each */
	struct counts {
		uint32_t selected, untold; /* untold: those of them that no pattern matches */
	} * before;                        /* each */
	size_t cost;                       /* since the clock was looked at */
};

static bool matches(const struct list_work *w, struct span name)
{
	for (size_t i = 0; i < w->pattern_count; i++)
		if (list_pattern_matches(&w->patterns[i], name))
			return true;
	return false;
}

static bool is_selected(const struct list_work *w, unsigned select, const struct mailbox_info *m)
{
	if ((w->lsub || (select & LIST_SUBSCRIBED)) && !m->subscribed)
		return false;
	if ((select & LIST_SPECIAL_USE) && m->use == USE_NONE)
		return false;
	return w->lsub || (select & ~(unsigned)LIST_RECURSIVE) || m->exists || m->has_children; /* else it is only a subscription */
}

static bool is_below(struct span name, struct span parent)
{
	return name.len > parent.len && name.ptr[parent.len] == '/' && span_starts(name, parent);
}

/* The first that isn't before name ‖ end. */
static size_t first_from(const struct list_work *w, struct span name, char end)
{
	size_t low = w->rows.inboxes, high = w->rows.count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct span at = w->rows.all[middle].mailbox.name;
		int order = span_compare(span_take(at, name.len), name);

		if (order == 0)
			order = at.len <= name.len ? -1 : (unsigned char)at.ptr[name.len] - (unsigned char)end;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* '0' follows '/' in ASCII. */
static struct counts count_below(const struct list_work *w, struct span name)
{
	const struct counts *to = &w->before[first_from(w, name, '0')], *from = &w->before[first_from(w, name, '/')];

	return (struct counts){ to->selected - from->selected, to->untold - from->untold };
}

static unsigned attributes_of(const struct list_work *w, const union imap_args *args, const struct imap_place *row, bool selected)
{
	const struct mailbox_info *m = &row->mailbox;
	unsigned attributes = 0;

	if (w->lsub) /* what LSUB says of a name is that it is subscribed, or that others below it are (RFC 3501 6.3.9) */
		return selected ? 0 : LINE_NOSELECT;
	if (!m->exists)
		attributes |= args->list.extended ? LINE_NONEXISTENT : LINE_NOSELECT;
	else if (!(row->rights & RIGHT_READ))
		attributes |= LINE_NOSELECT; /* RFC 5819 2 */
	if (!m->exists && m->has_children && args->list.extended && !w->parents)
		attributes |= LINE_CHILDREN; /* RFC 5258 3.5: what CHILDINFO would say */
	if ((args->list.show & LIST_SUBSCRIBED) && m->subscribed)
		attributes |= LINE_SUBSCRIBED;
	if (args->list.show & LIST_CHILDREN)
		attributes |= m->has_children ? LINE_CHILDREN : LINE_NO_CHILDREN;
	return attributes;
}

/* What may have to be gone through to be told. RFC 5819 2: none for what can't be selected. A mailbox that can't be read now is told without. */
static void show_details(struct imap_session *s, struct list_work *w, const struct imap_place *row, struct out *out)
{
	const union imap_args *args = &s->run.args;
	struct imap_place place = *row;

	w->cost += LOOK_AT_CLOCK;
	if (imap_place_open(s, &place))
		return;
	if (args->list.metadata_count && imap_metadata_list(s, &place, row->mailbox.name, out))
		return;
	if (args->list.status && (row->rights & RIGHT_READ) && imap_status_tell(s, &place, &row->mailbox, args->list.status, out))
		return;
}

static void show_more(struct imap_session *s, struct list_work *w, const struct imap_place *row, struct out *out)
{
	const union imap_args *args = &s->run.args;

	if (args->list.rights)
		reply_myrights(s, out, row->mailbox.name, row->rights);
	if (!args->list.status && !args->list.metadata_count)
		return;
	show_details(s, w, row, out);
	imap_places_close(s);
}

static void show(struct imap_session *s, struct list_work *w, const struct imap_place *row, struct out *out)
{
	const union imap_args *args = &s->run.args;
	const struct mailbox_info *m = &row->mailbox;
	const unsigned select = args->list.select;
	const struct counts below = w->parents ? count_below(w, m->name) : (struct counts){ 0, 0 };
	bool selected = is_selected(w, select, m);
	struct list_line line = { .name = m->name };

	if (!selected && !below.untold)
		return;
	line.attributes = attributes_of(w, args, row, selected);
	line.use = args->list.show & LIST_SPECIAL_USE ? m->use : USE_NONE;
	line.child_info = below.selected && !w->lsub ? select & (LIST_SUBSCRIBED | LIST_SPECIAL_USE) : 0;
	reply_list(s, out, w->lsub ? "LSUB" : "LIST", &line);
	if (m->exists && selected)
		show_more(s, w, row, out);
}

/* Names that only stand above others have a row where a mailbox is below. Here are the others: above subscriptions to what is gone. */
static void show_parents(struct imap_session *s, struct list_work *w, struct out *out)
{
	struct span name = w->rows.all[w->at].mailbox.name;

	for (size_t i = 1; i < name.len; i++) {
		const struct imap_place parent = { .mailbox.name = span_take(name, i) };
		size_t at;

		if (name.ptr[i] != '/' || (w->at > w->rows.inboxes && is_below(w->rows.all[w->at - 1].mailbox.name, parent.mailbox.name)))
			continue; /* it had its turn */
		at = first_from(w, span_take(name, i - 1), name.ptr[i - 1]);
		if (span_equals(parent.mailbox.name, SPAN("INBOX")) || (at < w->rows.count && span_equals(w->rows.all[at].mailbox.name, parent.mailbox.name)))
			continue;
		w->cost += w->pattern_bytes * i;
		if (matches(w, parent.mailbox.name))
			show(s, w, &parent, out);
	}
}

static void mark(const struct imap_session *s, struct list_work *w)
{
	const struct mailbox_info *m = &w->rows.all[w->at].mailbox;
	struct counts count = w->before[w->at];

	w->matched[w->at] = matches(w, m->name);
	if (is_selected(w, s->run.args.list.select, m)) {
		count.selected++;
		count.untold += !w->matched[w->at];
	}
	w->before[w->at + 1] = count;
}

static bool is_turn_over(struct list_work *w, int64_t start, const struct out *out)
{
	if (out_is_full(out))
		return true;
	w->cost += 256 + w->pattern_bytes * w->rows.all[w->at].mailbox.name.len;
	if (w->cost < LOOK_AT_CLOCK)
		return false;
	w->cost = 0;
	return clock_mono_us() - start > IMAP_TURN_US;
}

static enum step list_failed(struct imap_session *s, struct out *out, enum err e)
{
	if (e == ERR_LIMIT)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] The pattern is too long, or there is too much to list"));
	return imap_finish_err(s, out, e, SPAN(""));
}

/* All names there are. False: *e_out, or the turn is over. */
static bool collect(struct imap_session *s, struct list_work *w, int64_t start, enum err *e_out)
{
	while (list_rows_more(s, &w->wish, &w->rows, e_out))
		if (clock_mono_us() - start > IMAP_TURN_US)
			return false;
	if (*e_out || w->matched)
		return !*e_out;
	w->matched = arena_array(&s->run.arena, w->rows.count + 1, sizeof *w->matched);
	w->before = arena_array(&s->run.arena, w->rows.count + 1, sizeof *w->before);
	if (!w->matched || !w->before)
		*e_out = ERR_LIMIT;
	return !*e_out;
}

static enum step list_more(struct imap_session *s, struct out *out)
{
	struct list_work *w = s->run.work;
	int64_t start = clock_mono_us();
	enum err e;

	if (!collect(s, w, start, &e))
		return e ? list_failed(s, out, e) : STEP_MORE;
	for (; w->at < w->rows.count && !w->has_marks; w->at++) {
		if (is_turn_over(w, start, out))
			return STEP_MORE;
		mark(s, w);
	}
	if (!w->has_marks)
		w->at = 0;
	w->has_marks = true;
	for (; w->at < w->rows.count; w->at++) {
		if (is_turn_over(w, start, out))
			return STEP_MORE;
		if (w->parents)
			show_parents(s, w, out);
		if (w->matched[w->at])
			show(s, w, &w->rows.all[w->at], out);
	}
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

static enum err work_begin(struct imap_session *s, const union imap_args *args, struct list_work *w)
{
	struct arena *a = &s->run.arena;
	bool percent = false;
	enum err e = ERR_OK;

	for (size_t i = 0; i < args->list.count; i++) {
		struct list_pattern *to = &w->patterns[w->pattern_count];

		if (!args->list.patterns[i].len) /* RFC 5258 3: it matches nothing, whatever the reference is */
			continue;
		e = list_pattern_make(a, args->list.reference, args->list.patterns[i], to);
		if (e)
			return e;
		w->pattern_count++;
		w->pattern_bytes += to->text.len;
		percent = percent || memchr(to->text.ptr, '%', to->text.len);
	}
	/* RFC 3501 6.3.9: with "%", a subscribed name too deep for the pattern shows its parent. */
	w->parents = w->lsub ? percent : args->list.select & LIST_RECURSIVE;
	w->wish = (struct list_wish){ w->patterns, w->pattern_count, args->list.select & LIST_SUBSCRIBED, w->lsub };
	return list_rows_begin(s, &w->wish, &w->rows);
}

/* Its first level with the separator; a name without one has no root. */
static struct span root_of(struct span reference)
{
	size_t at;

	return span_find_char(reference, '/', &at) ? span_take(reference, at + 1) : SPAN("");
}

static enum step list(struct imap_session *s, const union imap_args *args, bool lsub, struct out *out)
{
	struct list_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e = w ? ERR_OK : ERR_TEMP;

	if (!args->list.extended && !args->list.patterns[0].len) { /* RFC 3501 6.3.8: asks for the separator and the reference's root */
		const struct list_line root = { .name = root_of(args->list.reference), .attributes = LINE_NOSELECT };

		reply_list(s, out, lsub ? "LSUB" : "LIST", &root);
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	}
	/* Without options it is told what clients of RFC 3348 and RFC 6154 expect. */
	if (!args->list.extended && !lsub)
		s->run.args.list.show = (imap_has(s, CAP_CHILDREN) ? LIST_CHILDREN : 0) | (imap_has(s, CAP_SPECIAL_USE) ? LIST_SPECIAL_USE : 0);
	if (w)
		w->lsub = lsub;
	if (!e)
		e = work_begin(s, args, w);
	if (e)
		return list_failed(s, out, e);
	s->run.work = w;
	s->run.more = list_more;
	return list_more(s, out);
}

void imap_list_change(struct imap_session *s, const struct mailbox_info *m, struct span written, bool no_access, struct out *out)
{
	struct list_line line = { .name = m->name };

	line.attributes = (m->subscribed ? LINE_SUBSCRIBED : 0) | (m->exists ? 0 : LINE_NONEXISTENT) | (no_access ? LINE_NO_ACCESS : 0);
	if (imap_has(s, CAP_CHILDREN) && (m->exists || !no_access))
		line.attributes |= m->has_children ? LINE_CHILDREN : LINE_NO_CHILDREN;
	if (imap_has(s, CAP_SPECIAL_USE))
		line.use = m->use;
	if (!span_equals(m->name, written))
		line.old_name = written;
	reply_list(s, out, "LIST", &line);
}

void imap_list_one(struct imap_session *s, const struct mailbox_info *m, struct span written, struct out *out)
{
	imap_list_change(s, m, written, false, out);
}

enum step imap_run_list(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return list(s, args, false, out);
}

enum step imap_run_lsub(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return list(s, args, true, out);
}
