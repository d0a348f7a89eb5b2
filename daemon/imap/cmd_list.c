/* imap/cmd_list.c: LIST and LSUB (RFC 3501 6.3.8, 6.3.9; attributes of RFC 3348 and RFC 6154). */
#include "daemon/base/clock.h"
#include "daemon/imap/commands.h"
#include "daemon/imap/reply.h"

struct list_work {
	struct span pattern; /* reference and pattern joined, runs of wildcards made one */
	struct mailbox_info *all;
	size_t count, at;
	bool lsub;
	struct span last_parent; /* LSUB: a name that was shown for its children */
	bool *reach;             /* pattern.len + 1 places */
};

/* "*" matches anything, "%" anything but the separator. One pass over the name with the set of pattern places that are
 * reached: no pattern is slower than its length times the name's. */
static bool matches(struct list_work *w, struct span name)
{
	size_t n = w->pattern.len;
	bool *reach = w->reach;

	memset(reach, 0, n + 1);
	reach[0] = true;
	for (size_t p = 0; p < n && (w->pattern.ptr[p] == '*' || w->pattern.ptr[p] == '%'); p++)
		reach[p + 1] = true;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		/* From the end, so that a place that is set for this character isn't taken for the one before. */
		for (size_t p = n + 1; p-- > 0;) {
			bool stays = reach[p] && p < n && (w->pattern.ptr[p] == '*' || (w->pattern.ptr[p] == '%' && c != '/'));
			bool steps = p && reach[p - 1] && w->pattern.ptr[p - 1] == c;

			reach[p] = stays || steps;
		}
		for (size_t p = 0; p < n; p++)
			if (reach[p] && (w->pattern.ptr[p] == '*' || w->pattern.ptr[p] == '%'))
				reach[p + 1] = true;
	}
	return reach[n];
}

/* INBOX is without case as a whole first level only where it is the whole pattern; RFC 3501 5.1. */
static struct span join(struct arena *a, struct span reference, struct span pattern)
{
	char *to = arena_alloc(a, reference.len + pattern.len + 1);
	size_t n = 0;

	if (!to)
		return span_make(NULL, 0);
	for (size_t i = 0; i < reference.len + pattern.len; i++) {
		char c = i < reference.len ? reference.ptr[i] : pattern.ptr[i - reference.len];

		if (n && (c == '*' || c == '%') && (to[n - 1] == '*' || to[n - 1] == '%')) {
			if (c == '*')
				to[n - 1] = '*';
			continue;
		}
		to[n++] = c;
	}
	if (n >= 5 && span_iequals(span_make(to, 5), SPAN("INBOX")) && (n == 5 || strchr("/*%", to[5])))
		memcpy(to, "INBOX", 5);
	return span_make(to, n);
}

/* LSUB with "%": a subscribed name too deep for the pattern shows its parent as \Noselect (RFC 3501 6.3.9). */
static void lsub_parent(struct list_work *w, const struct mailbox_info *m, struct out *out)
{
	for (size_t i = m->name.len; i-- > 1;) {
		struct mailbox_info parent = { .name = span_take(m->name, i), .has_children = true };

		if (m->name.ptr[i] != '/' || !matches(w, parent.name))
			continue;
		if (!span_equals(parent.name, w->last_parent))
			reply_list(out, "LSUB", &parent, true, false, false);
		w->last_parent = parent.name;
		return;
	}
}

static void show_lsub(struct list_work *w, const struct mailbox_info *m, struct out *out)
{
	if (!m->subscribed)
		return;
	if (matches(w, m->name)) {
		w->last_parent = m->name;
		reply_list(out, "LSUB", m, !m->exists, false, false);
	} else if (w->pattern.len && memchr(w->pattern.ptr, '%', w->pattern.len)) {
		lsub_parent(w, m, out);
	}
}

static void show(struct imap_session *s, struct list_work *w, const struct mailbox_info *m, struct out *out)
{
	const union imap_args *args = &s->run.args;

	if (w->lsub) {
		show_lsub(w, m, out);
		return;
	}
	if (!m->exists && !m->has_children && !args->list.only_subscribed)
		return; /* only a subscription */
	if ((args->list.only_subscribed && !m->subscribed) || (args->list.only_special && m->use == USE_NONE))
		return;
	if (matches(w, m->name))
		reply_list(out, "LIST", m, !m->exists, true, args->list.return_subscribed && m->subscribed);
}

static enum step list_more(struct imap_session *s, struct out *out)
{
	struct list_work *w = s->run.work;
	int64_t start = clock_mono_us();

	for (; w->at < w->count; w->at++) {
		if (out_is_full(out) || (w->at % 16 == 0 && clock_mono_us() - start > IMAP_TURN_US))
			return STEP_MORE;
		show(s, w, &w->all[w->at], out);
	}
	return imap_finish(s, out, IMAP_OK, SPAN("Done"));
}

static enum step list(struct imap_session *s, const union imap_args *args, bool lsub, struct out *out)
{
	struct list_work *w = arena_alloc(&s->run.arena, sizeof *w);
	enum err e;

	if (!w || args->list.reference.len + args->list.pattern.len > IMAP_PATTERN_MAX)
		return imap_finish(s, out, IMAP_NO, SPAN("[LIMIT] The pattern is too long"));
	if (!args->list.pattern.len) { /* RFC 3501 6.3.8: asks for the separator */
		struct mailbox_info root = { .name = SPAN("") };

		reply_list(out, lsub ? "LSUB" : "LIST", &root, true, false, false);
		return imap_finish(s, out, IMAP_OK, SPAN("Done"));
	}
	w->lsub = lsub;
	w->pattern = join(&s->run.arena, args->list.reference, args->list.pattern);
	w->reach = arena_alloc(&s->run.arena, w->pattern.len + 1);
	e = w->reach && w->pattern.ptr ? s->service->list(s->store, &s->run.arena, &w->all, &w->count) : ERR_TEMP;
	if (e)
		return imap_finish_err(s, out, e, SPAN(""));
	s->run.work = w;
	s->run.more = list_more;
	return list_more(s, out);
}

enum step imap_run_list(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return list(s, args, false, out);
}

enum step imap_run_lsub(struct imap_session *s, const union imap_args *args, struct out *out)
{
	return list(s, args, true, out);
}
