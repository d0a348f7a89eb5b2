/* imap/parse_notify.c: the arguments of NOTIFY (RFC 5465 8).
 *
 * notify = "NOTIFY" SP ("NONE" / "SET" [SP "STATUS"] 1*(SP event-group))
 * event-group = "(" filter-mailboxes SP ("(" event *(SP event) ")" / "NONE") ")"
 */
#include "daemon/imap/commands.h"
#include "daemon/imap/limits.h"
#include "daemon/imap/mailbox_filter.h"

#define ANNOTATION 0x100 /* known, and not served */
#define UNSERVED 0x200
#define METADATA_EVENTS (NOTIFY_METADATA | NOTIFY_SERVER_METADATA)

/* event = message-event / mailbox-event / user-event / event-ext; message-event = "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"] / ... */
static enum err parse_event(struct imap_parser *p, struct notify_group *g)
{
	static const struct {
		struct span name;
		unsigned bits;
	} events[] = {
		{ SPAN("MessageNew"), NOTIFY_NEW },
		{ SPAN("MessageExpunge"), NOTIFY_EXPUNGE },
		{ SPAN("FlagChange"), NOTIFY_FLAGS },
		{ SPAN("MailboxName"), NOTIFY_NAME },
		{ SPAN("SubscriptionChange"), NOTIFY_SUBSCRIPTION },
		{ SPAN("AnnotationChange"), ANNOTATION | UNSERVED },
		{ SPAN("MailboxMetadataChange"), NOTIFY_METADATA },
		{ SPAN("ServerMetadataChange"), NOTIFY_SERVER_METADATA },
	};
	struct span other;

	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		if (!parse_word(p, events[i].name))
			continue;
		g->events |= events[i].bits;
		if ((events[i].bits & METADATA_EVENTS) && !parse_may(p, CAP_METADATA))
			g->events |= UNSERVED;
		if (events[i].bits != NOTIFY_NEW || !span_starts(p->rest, SPAN(" (")))
			return ERR_OK;
		p->rest = span_skip(p->rest, 2);
		return imap_parse_fetch_atts(p, &g->items, &g->item_count);
	}
	g->events |= UNSERVED;
	return parse_atom(p, &other);
}

/* RFC 5465 5: MessageNew and MessageExpunge go together, and others of messages only with these, whatever mailboxes are meant. Of the selected one only message
 * events are told; only there are attributes fetched. */
static bool is_sensible(const struct notify_group *g)
{
	const unsigned both = NOTIFY_NEW | NOTIFY_EXPUNGE, has = g->events & both;

	if (has != both && (has || (g->events & (NOTIFY_FLAGS | ANNOTATION))))
		return false;
	if (g->where.kind != FILTER_SELECTED && g->where.kind != FILTER_SELECTED_DELAYED)
		return !g->item_count;
	return !(g->events & (NOTIFY_NAME | NOTIFY_SUBSCRIPTION | METADATA_EVENTS));
}

static enum err parse_events(struct imap_parser *p, struct notify_group *g)
{
	enum err e;

	if (parse_word(p, SPAN("NONE")))
		return ERR_OK;
	e = parse_expect(p, '(');
	do {
		if (!e)
			e = parse_event(p, g);
	} while (!e && parse_char(p, ' '));
	if (!e)
		e = parse_expect(p, ')');
	return !e && !is_sensible(g) ? ERR_SYNTAX : e;
}

static enum err parse_group(struct imap_parser *p, union imap_args *out, bool *has_selected)
{
	struct notify_group g = { .events = 0 };
	enum err e = parse_expect(p, '(');

	if (!e)
		e = mailbox_filter_parse(p, &g.where);
	if (!e && g.where.kind == FILTER_SUBTREE_ONE)
		e = ERR_SYNTAX;
	if (!e)
		e = parse_expect(p, ' ');
	if (!e)
		e = parse_events(p, &g);
	if (!e)
		e = parse_expect(p, ')');
	if (e)
		return e;
	if (g.where.kind == FILTER_SELECTED || g.where.kind == FILTER_SELECTED_DELAYED) {
		if (*has_selected)
			return ERR_SYNTAX;
		*has_selected = true;
	}
	out->notify.unserved = out->notify.unserved || (g.events & UNSERVED);
	out->notify.groups = parse_grow(p->arena, out->notify.groups, out->notify.count, sizeof g);
	if (!out->notify.groups || out->notify.count == IMAP_NOTIFY_GROUPS_MAX)
		return ERR_LIMIT;
	out->notify.groups[out->notify.count++] = g;
	return ERR_OK;
}

enum err imap_parse_notify(struct imap_parser *p, union imap_args *out)
{
	bool has_selected = false;
	enum err e;

	out->notify.text = p->rest;
	e = parse_expect(p, ' ');
	if (e)
		return e;
	out->notify.none = parse_word(p, SPAN("NONE"));
	if (out->notify.none)
		return ERR_OK;
	if (!parse_word(p, SPAN("SET")) || !parse_char(p, ' '))
		return ERR_SYNTAX;
	out->notify.status = parse_word(p, SPAN("STATUS"));
	if (out->notify.status && !parse_char(p, ' '))
		return ERR_SYNTAX;
	do
		e = parse_group(p, out, &has_selected);
	while (!e && parse_char(p, ' '));
	if (e != ERR_LIMIT)
		return e;
	out->notify.too_much = true; /* RFC 5465 3.1: too complex is a NO */
	p->rest = span_skip(p->rest, p->rest.len);
	return ERR_OK;
}
