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

static bool is_wild(char c)
{
	return c == '*' || c == '%';
}

/* A wildcard may stand for nothing: the place behind one is reached with it. */
static void pass_wildcards(const struct list_work *w)
{
	for (size_t p = 0; p < w->pattern.len; p++)
		if (w->reach[p] && is_wild(w->pattern.ptr[p]))
			w->reach[p + 1] = true;
}

/* The places that are reached with one more character of the name. From the end, so that a place that is reached by this
 * character isn't taken for the one before. */
static void take_char(const struct list_work *w, char c)
{
	bool *reach = w->reach;

	reach[w->pattern.len] = false;
	for (size_t p = w->pattern.len; p-- > 0;) {
		char at = w->pattern.ptr[p];

		if (reach[p] && at == c)
			reach[p + 1] = true;
		reach[p] = reach[p] && (at == '*' || (at == '%' && c != '/'));
	}
}

/* "*" matches anything, "%" anything but the separator. One pass over the name with the set of pattern places that are
 * reached: no pattern is slower than its length times the name's. */
static bool matches(const struct list_work *w, struct span name)
{
	memset(w->reach, 0, w->pattern.len + 1);
	w->reach[0] = true;
	pass_wildcards(w);
	for (size_t i = 0; i < name.len; i++) {
		take_char(w, name.ptr[i]);
		pass_wildcards(w);
	}
	return w->reach[w->pattern.len];
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

		if (n && is_wild(c) && is_wild(to[n - 1])) {
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
