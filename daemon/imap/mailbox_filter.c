/* imap/mailbox_filter.c: see the header. */
#include "daemon/imap/mailbox_filter.h"

#include <stdlib.h>

#include "daemon/imap/limits.h"

static enum err parse_name(struct imap_parser *p, struct mailbox_filter *f)
{
	if (f->count == IMAP_FILTER_NAMES_MAX)
		return ERR_LIMIT;
	f->names = parse_grow(p->arena, f->names, f->count, sizeof *f->names);
	return f->names ? parse_mailbox(p, &f->names[f->count++]) : ERR_LIMIT;
}

/* SP one-or-more-mailbox; one-or-more-mailbox = mailbox / "(" mailbox *(SP mailbox) ")" */
static enum err parse_names(struct imap_parser *p, struct mailbox_filter *f)
{
	enum err e = parse_expect(p, ' ');

	if (e || !parse_char(p, '('))
		return e ? e : parse_name(p, f);
	do
		e = parse_name(p, f);
	while (!e && parse_char(p, ' '));
	return e ? e : parse_expect(p, ')');
}

/* Where mail is delivered to, the owner's rules decide: "inboxes" means what "personal" means (RFC 5465 6.3). */
enum err mailbox_filter_parse(struct imap_parser *p, struct mailbox_filter *out)
{
	static const struct {
		struct span name;
		enum filter_kind kind;
		bool has_names;
	} filters[] = {
		{ SPAN("SELECTED"), FILTER_SELECTED, false },
		{ SPAN("SELECTED-DELAYED"), FILTER_SELECTED_DELAYED, false },
		{ SPAN("INBOXES"), FILTER_PERSONAL, false },
		{ SPAN("PERSONAL"), FILTER_PERSONAL, false },
		{ SPAN("SUBSCRIBED"), FILTER_SUBSCRIBED, false },
		{ SPAN("SUBTREE"), FILTER_SUBTREE, true },
		{ SPAN("SUBTREE-ONE"), FILTER_SUBTREE_ONE, true },
		{ SPAN("MAILBOXES"), FILTER_MAILBOXES, true },
	};

	*out = (struct mailbox_filter){ .count = 0 };
	for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
		if (parse_word(p, filters[i].name)) {
			out->kind = filters[i].kind;
			return filters[i].has_names ? parse_names(p, out) : ERR_OK;
		}
	return ERR_SYNTAX;
}

static int compare(const void *a, const void *b)
{
	return span_compare(*(const struct span *)a, *(const struct span *)b);
}

enum err mailbox_filter_normal(const struct imap_session *s, struct mailbox_filter *f, struct arena *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->count; i++) {
		enum err e = s->service->name_normal(f->names[i], a, &f->names[kept]);

		if (a->failed || e == ERR_TEMP)
			return ERR_LIMIT;
		kept += !e;
	}
	f->count = kept;
	if (kept)
		qsort(f->names, kept, sizeof *f->names, compare);
	return ERR_OK;
}

static bool has_name(const struct mailbox_filter *f, struct span name)
{
	return span_in_sorted(name, f->names, f->count);
}

static bool is_within(const struct mailbox_filter *f, struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] == '/' && has_name(f, span_take(name, i)))
			return true;
	return has_name(f, name);
}

static bool is_one_below(const struct mailbox_filter *f, struct span name)
{
	size_t above = name.len;

	while (above && name.ptr[above - 1] != '/')
		above--;
	return above && has_name(f, span_take(name, above - 1));
}

bool mailbox_filter_holds(const struct mailbox_filter *f, struct span name, bool personal, bool subscribed)
{
	switch (f->kind) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED: return false;
	case FILTER_PERSONAL: return personal;
	case FILTER_SUBSCRIBED: return subscribed;
	case FILTER_SUBTREE: return is_within(f, name);
	case FILTER_SUBTREE_ONE: return has_name(f, name) || is_one_below(f, name);
	case FILTER_MAILBOXES: return has_name(f, name);
	}
	return false;
}

static bool is_at_or_below(struct span name, struct span top)
{
	return span_starts(name, top) && (name.len == top.len || name.ptr[top.len] == '/');
}

bool mailbox_filter_may_name(const struct mailbox_filter *f, struct span level)
{
	switch (f->kind) {
	case FILTER_SELECTED:
	case FILTER_SELECTED_DELAYED:
	case FILTER_PERSONAL: return false;
	case FILTER_SUBSCRIBED: return true;
	case FILTER_SUBTREE:
	case FILTER_SUBTREE_ONE:
	case FILTER_MAILBOXES: break;
	}
	for (size_t i = 0; i < f->count; i++)
		if (is_at_or_below(f->names[i], level) || (f->kind == FILTER_SUBTREE && is_at_or_below(level, f->names[i])))
			return true;
	return false;
}
