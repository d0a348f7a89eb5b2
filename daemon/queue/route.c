/* queue/route.c: from the envelope's recipients to mailboxes and next hops.
 *
 * Aliases and forwards are expanded once, inside the acceptance, and what comes out is stored in the same transaction: a directory that
 * changes between two attempts neither doubles nor loses a recipient. The addresses met form a graph, each a node once:
 *
 * (1) Every recipient of the envelope reaches a leaf: an account, a remote address, or a recipient that fails with a reason.
 *     A cycle without a way out is such a failure (5.4.6); so is an address that has passed this very message on before, which its
 *     Delivered-To field tells (route_loop.h).
 * (2) A message goes once to an account, whatever number of addresses lead there: the first that was given stands in Delivered-To.
 * (3) A remote recipient of the envelope itself needs a sender who logged in, or us.
 * (4) What is passed on to another server has a reverse-path of ours (srs.h), unless the sender is of ours, or null.
 * (5) One target inherits what the sender wants to hear; of several none reports success: the address that stands for them does, as
 *     "expanded", or as "delivered" when it keeps a copy (RFC 3461 5.2.7).
 */
#include "daemon/queue/route.h"

#include <stdlib.h>

#include "daemon/mime/xtext.h"
#include "daemon/queue/route_loop.h"
#include "daemon/queue/rules.h"
#include "daemon/queue/srs_open.h"
#include "daemon/queue/steering.h"

struct node {
	struct span text;
	struct address address;
	uint32_t root, depth; /* recipient of the envelope */
	uint32_t parent;      /* what led here first; of a root itself */
	bool leaf, reaches;
	bool expanded; /* its sender wants to hear that it was sent on to several */
	bool own;      /* a forward of the sender's led here */
	enum rcpt_kind kind;
	enum queue_hold hold;
	uint64_t account_id;
	unsigned notify;
	struct span orcpt, status, reply;
};

struct edge {
	uint32_t from, to;
};

struct graph {
	struct queue *q;
	const struct snapshot *s;
	const struct accept_envelope *envelope;
	struct span header;
	struct arena *a;
	struct route_loop loop; /* what the header tells, read when first asked for */
	struct address sender;
	bool rewrites; /* the reverse-path of what is passed on */
	struct srs srs;
	struct route_result *out;
	struct node *nodes;
	size_t count, cap;
	struct edge *edges;
	size_t edge_count, edge_cap;
	uint32_t *table; /* node + 1 by hash of the address */
	size_t table_size;
};

static uint64_t hash_address(const struct address *addr)
{
	uint64_t h = 1469598103934665603ull;

	for (size_t i = 0; i < addr->local.len; i++)
		h = (h ^ (uint8_t)addr->local.ptr[i]) * 1099511628211ull;
	h = (h ^ '@') * 1099511628211ull;
	for (size_t i = 0; i < addr->domain.len; i++)
		h = (h ^ (uint8_t)addr->domain.ptr[i]) * 1099511628211ull;
	return h ^ (h >> 32);
}

/* An array in the arena with room for one more; the old one stays behind until the arena goes. */
static bool array_room(struct arena *a, void **array, size_t count, size_t *cap, size_t size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *more;

	if (count < *cap)
		return true;
	more = arena_array(a, want, size);
	if (!more)
		return false;
	if (count)
		memcpy(more, *array, count * size);
	*array = more;
	*cap = want;
	return true;
}

static void table_put(struct graph *g, uint32_t index)
{
	size_t at = hash_address(&g->nodes[index].address) & (g->table_size - 1);

	while (g->table[at])
		at = (at + 1) & (g->table_size - 1);
	g->table[at] = index + 1;
}

static bool table_room(struct graph *g)
{
	size_t size = g->table_size ? g->table_size * 2 : 32;

	if (g->table_size && (g->count + 1) * 2 <= g->table_size)
		return true;
	g->table = arena_array(g->a, size, sizeof(*g->table));
	g->table_size = g->table ? size : 0;
	for (size_t i = 0; g->table && i < g->count; i++)
		table_put(g, (uint32_t)i);
	return g->table != NULL;
}

static bool table_find(const struct graph *g, const struct address *addr, uint32_t *index_out)
{
	size_t at;

	if (!g->table_size)
		return false;
	at = hash_address(addr) & (g->table_size - 1);
	for (; g->table[at]; at = (at + 1) & (g->table_size - 1)) {
		const struct node *n = &g->nodes[g->table[at] - 1];

		if (span_equals(n->address.local, addr->local) && span_equals(n->address.domain, addr->domain)) {
			*index_out = g->table[at] - 1;
			return true;
		}
	}
	return false;
}

/* What RCPT or an alias names. Address literals, which a directory's grammar does not know, are split as they stand. */
static void parse_recipient(struct span text, struct arena *a, struct address *out)
{
	struct span domain = route_domain(text);

	if (address_parse(text, a, out) == ERR_OK)
		return;
	out->domain = domain;
	out->local = domain.ptr && domain.len < text.len ? span_take(text, text.len - domain.len - 1) : text;
}

static enum err node_add(struct graph *g, struct node node, uint32_t *index_out)
{
	parse_recipient(node.text, g->a, &node.address);
	if (table_find(g, &node.address, index_out))
		return ERR_OK;
	if (g->count >= ROUTE_MAX_ADDRESSES)
		return ERR_LIMIT;
	if (!array_room(g->a, (void **)&g->nodes, g->count, &g->cap, sizeof(*g->nodes)) || !table_room(g))
		return ERR_LIMIT;
	g->nodes[g->count] = node;
	*index_out = (uint32_t)g->count;
	table_put(g, (uint32_t)g->count++);
	return ERR_OK;
}

/* Once there are several, one of them reporting success would say too much; who wanted to hear of nothing else hears nothing (RFC 3461 5.2.7.3). */
static unsigned notify_of_many(unsigned notify)
{
	if (!(notify & NOTIFY_SUCCESS))
		return notify;
	return notify == NOTIFY_SUCCESS ? NOTIFY_NEVER : notify & ~(unsigned)NOTIFY_SUCCESS;
}

/* The sender's own, or what he would have said. */
static struct span orcpt_of(const struct graph *g, const struct node *n)
{
	struct span original = g->envelope->recipients[n->root], out;
	struct buf text;

	if (n->orcpt.len)
		return n->orcpt;
	buf_init(&text, 2 * QUEUE_ORCPT_MAX);
	buf_add_str(&text, span_is_ascii(original) ? "rfc822;" : "utf-8;");
	if (span_is_ascii(original))
		xtext_encode(original, &text);
	else
		xtext_embed(original, false, &text);
	out = text.failed || text.len > QUEUE_ORCPT_MAX ? SPAN("") : arena_copy(g->a, buf_span(&text));
	buf_clear(&text);
	return out;
}

/* `keeps`: a copy stays here, too. */
static enum err expand(struct graph *g, uint32_t from, const struct span *targets, size_t count, bool keeps)
{
	struct node child = g->nodes[from];
	bool many = count + keeps > 1;
	uint32_t to;

	if (child.depth >= ROUTE_MAX_DEPTH || route_loop_has(&g->loop, g->header, &child.address, g->a)) {
		g->nodes[from].leaf = true;
		g->nodes[from].kind = RCPT_LOOP;
		g->nodes[from].account_id = 0;
		return ERR_OK;
	}
	g->nodes[from].expanded = many && !keeps && (child.notify & NOTIFY_SUCCESS);
	child.orcpt = orcpt_of(g, &child);
	child.notify = many ? notify_of_many(child.notify) : child.notify;
	child.depth++;
	child.parent = from;
	child.expanded = child.leaf = false;
	for (size_t i = 0; i < count; i++) {
		enum err e;

		child.text = targets[i];
		e = node_add(g, child, &to);
		if (e)
			return e;
		if (!array_room(g->a, (void **)&g->edges, g->edge_count, &g->edge_cap, sizeof(*g->edges)))
			return ERR_LIMIT;
		g->edges[g->edge_count++] = (struct edge){ from, to };
	}
	return ERR_OK;
}

/* Words of then, so that whoever reads them knows that they are old. */
static void describe_suppression(struct graph *g, struct node *n, const struct suppression *s)
{
	n->kind = RCPT_SUPPRESSED;
	n->status = s->status.len && s->status.ptr[0] == '5' ? s->status : s->by_operator ? SPAN("5.7.1")
											  : SPAN("5.1.1");
	if (s->by_operator)
		n->reply = arena_printf(g->a, "not tried: mail to this address was stopped by the administrator%s%.*s", s->reply.len ? ": " : "", (int)s->reply.len, s->reply.ptr ? s->reply.ptr : "");
	else
		n->reply = arena_printf(g->a, "not tried again, since mail to this address failed lately (an administrator can lift that): %.*s", (int)s->reply.len, s->reply.ptr ? s->reply.ptr : "");
}

static enum err resolve_remote(struct graph *g, struct node *n)
{
	struct suppression found;

	if (n->depth == 0 && g->envelope->source == FROM_MX && g->envelope->account_id == 0)
		return ERR_DENIED;
	n->kind = RCPT_REMOTE;
	/* A list that cannot be read now keeps nothing from being sent. */
	if (suppression_find(g->q, &n->address, g->a, &found) == ERR_OK)
		describe_suppression(g, n, &found);
	return ERR_OK;
}

static enum err resolve_account(struct graph *g, uint32_t at, const struct resolution *r)
{
	const struct account *account = r->account;
	size_t forwards = account ? account->forward_count : 0;
	bool keeps = forwards == 0 || account->forward_keeps;
	struct node *n = &g->nodes[at];

	if (keeps) {
		n->leaf = true;
		n->kind = RCPT_LOCAL;
		n->account_id = r->account_id;
	}
	n->own |= r->account_id != 0 && r->account_id == g->envelope->account_id;
	return forwards ? expand(g, at, account->forwards, forwards, keeps) : ERR_OK;
}

/* A bounce to a path that was written here goes on to whom it stands for. *was_out: it was one. */
static enum err resolve_path(struct graph *g, uint32_t at, bool *was_out)
{
	struct address opened;
	struct span text;
	struct buf out;
	enum err e;

	*was_out = false;
	if (g->envelope->reverse_path.len || !srs_is_one(&g->nodes[at].address))
		return ERR_OK;
	e = srs_open(g->q, &g->nodes[at].address, g->a, &opened);
	if (e)
		return e == ERR_NOT_FOUND ? ERR_OK : e;
	buf_init(&out, 2 * ADDRESS_MAX);
	address_write(&opened, &out);
	text = out.failed ? SPAN("") : arena_copy(g->a, buf_span(&out));
	buf_clear(&out);
	*was_out = text.len > 0;
	return *was_out ? expand(g, at, &text, 1, false) : ERR_OK;
}

static enum err resolve_node(struct graph *g, uint32_t at)
{
	struct node *n = &g->nodes[at];
	struct resolution r;
	bool was_path;
	enum err e = resolve_path(g, at, &was_path);

	if (e || was_path)
		return e;
	snapshot_resolve(g->s, &n->address, &r);
	if (r.held)
		n->hold = HOLD_DOMAIN;
	switch (r.kind) {
	case RESOLVED_ALIAS: return expand(g, at, r.targets, r.target_count, false);
	case RESOLVED_ACCOUNT: return resolve_account(g, at, &r);
	case RESOLVED_REFUSED: n->kind = RCPT_REFUSED; break;
	case RESOLVED_SUSPENDED: n->kind = RCPT_SUSPENDED; break;
	case RESOLVED_UNKNOWN: n->kind = RCPT_UNKNOWN; break;
	case RESOLVED_REMOTE: e = resolve_remote(g, n); break;
	}
	n->leaf = true;
	return e;
}

/* Marks what leads to a leaf; an alias of the envelope that does not becomes a leaf that fails. */
static void find_dead_ends(struct graph *g)
{
	bool changed = g->edge_count > 0;

	for (size_t i = 0; i < g->count; i++)
		g->nodes[i].reaches = g->nodes[i].leaf;
	while (changed) {
		changed = false;
		for (size_t i = g->edge_count; i-- > 0;) {
			struct node *from = &g->nodes[g->edges[i].from];

			if (!from->reaches && g->nodes[g->edges[i].to].reaches)
				from->reaches = changed = true;
		}
	}
	for (size_t i = 0; i < g->count; i++) {
		struct node *n = &g->nodes[i];

		if (n->depth == 0 && !n->reaches) {
			n->leaf = true;
			n->kind = RCPT_LOOP;
		}
	}
}

/* The original of a copy that is passed on stands in front of it. */
static struct span mark_of(const struct routed *r)
{
	return span_equals(r->address, r->original) ? SPAN("") : r->original;
}

static int compare_remote(const struct routed *a, const struct routed *b)
{
	int c = span_compare(a->hop, b->hop);

	if (!c)
		c = span_compare(route_domain(a->address), route_domain(b->address));
	if (!c)
		c = span_compare(a->reverse_path, b->reverse_path);
	return c ? c : span_compare(mark_of(a), mark_of(b));
}

static int compare_routed(const void *left, const void *right)
{
	const struct routed *a = left, *b = right;
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->account_id != b->account_id)
		return a->account_id < b->account_id ? -1 : 1;
	c = a->kind == RCPT_REMOTE ? compare_remote(a, b) : 0;
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static struct span write_address(const struct address *address, struct span otherwise, struct arena *a)
{
	struct buf text;
	struct span out;

	buf_init(&text, 2 * ADDRESS_MAX);
	address_write(address, &text);
	out = arena_copy(a, text.failed ? otherwise : buf_span(&text));
	buf_clear(&text);
	return out;
}

/* Ours, or <postmaster> alone: then the domain of who that is. */
static struct span forwarding_domain(const struct graph *g, const struct node *n)
{
	struct span domain = g->nodes[n->parent].address.domain;

	return domain.len ? domain : route_domain(snapshot_postmaster(g->s));
}

static void rewrite_path(struct graph *g, const struct node *n, struct routed *out)
{
	struct srs_path path;

	if (!g->rewrites || n->depth == 0 || srs_write(&g->srs, &g->sender, forwarding_domain(g, n), g->a, &path))
		return;
	out->reverse_path = write_address(&path.address, SPAN(""), g->a);
	if (path.token.len) {
		g->out->srs_token = path.token;
		g->out->srs_path = path.original;
		/* The day of the address counts whole. */
		g->out->srs_expires_ms = g->srs.now_ms + (SRS_VALID_DAYS + 1) * DAY_MS;
	}
}

static void describe_remote(struct graph *g, const struct node *n, struct routed *out)
{
	out->address = write_address(&n->address, n->text, g->a);
	if (n->kind != RCPT_REMOTE)
		return;
	out->hop = route_hop(g->s, n->address.domain, route_domain(g->envelope->reverse_path), g->a);
	rewrite_path(g, n, out);
}

static size_t list_leaves(struct graph *g, struct routed *out)
{
	size_t count = 0;

	for (size_t i = 0; i < g->count; i++) {
		const struct node *n = &g->nodes[i];
		struct routed r = { .address = n->text, .original = g->envelope->recipients[n->root], .root = n->root, .notify = n->notify, .orcpt = n->orcpt, .own = n->own, .order = i };

		if (n->expanded && n->reaches) {
			out[count] = r;
			out[count++].kind = RCPT_EXPANDED;
		}
		if (!n->leaf)
			continue;
		r.kind = n->kind;
		r.account_id = n->account_id;
		r.status = n->status;
		r.reply = n->reply;
		if (r.kind == RCPT_REMOTE || r.kind == RCPT_SUPPRESSED)
			describe_remote(g, n, &r);
		if (r.kind == RCPT_REMOTE || r.kind == RCPT_LOCAL)
			r.hold = n->hold;
		out[count++] = r;
	}
	return count;
}

static size_t collect(struct graph *g, struct routed *out)
{
	size_t count = list_leaves(g, out), kept = 0;

	if (count > 1)
		qsort(out, count, sizeof(*out), compare_routed);
	for (size_t i = 0; i < count; i++)
		if (!kept || out[i].kind != RCPT_LOCAL || out[kept - 1].kind != RCPT_LOCAL || out[kept - 1].account_id != out[i].account_id)
			out[kept++] = out[i];
	for (size_t i = 0; i < kept; i++)
		if (!out[i].hold && (out[i].kind == RCPT_REMOTE || out[i].kind == RCPT_LOCAL) && rules_hold(g->q, g->envelope->reverse_path, out[i].address, out[i].original))
			out[i].hold = HOLD_RULE;
	return kept;
}

/* Whose path is rewritten: of another server's sender, as far as it can be read. */
static void read_sender(struct graph *g)
{
	struct span sender = g->envelope->reverse_path;

	if (!sender.len)
		return;
	parse_recipient(sender, g->a, &g->sender);
	g->rewrites = g->sender.domain.len > 0 && g->sender.local.len > 0 && !snapshot_has_domain(g->s, g->sender.domain);
	if (g->rewrites)
		srs_begin(g->q, &g->srs);
}

static enum err add_roots(struct graph *g)
{
	const struct accept_envelope *envelope = g->envelope;
	enum err e = ERR_OK;
	uint32_t index;

	for (size_t i = 0; !e && i < envelope->recipient_count; i++) {
		struct node root = { .text = envelope->recipients[i], .root = (uint32_t)i, .parent = (uint32_t)g->count };

		if (envelope->wishes) {
			root.notify = envelope->wishes[i].notify;
			root.orcpt = envelope->wishes[i].orcpt;
		}
		e = node_add(g, root, &index);
	}
	return e;
}

enum err route_expand(struct queue *q, const struct snapshot *s, const struct accept_envelope *envelope, struct span header, struct arena *a, struct route_result *out, struct note *why)
{
	struct graph g = { .q = q, .s = s, .envelope = envelope, .header = header, .a = a, .out = out };
	enum err e = add_roots(&g);

	*out = (struct route_result){ 0 };
	for (size_t i = 0; !e && i < g.count; i++)
		e = resolve_node(&g, (uint32_t)i);
	if (e == ERR_DENIED)
		note_set(why, "a remote recipient without an authenticated sender");
	else if (e == ERR_TEMP)
		note_set(why, "a rewritten reverse-path cannot be looked up now");
	else if (e)
		note_set(why, "the recipients expand to more than %d addresses", ROUTE_MAX_ADDRESSES);
	if (e)
		return e;
	find_dead_ends(&g);
	out->recipients = arena_array(a, 2 * g.count, sizeof(*out->recipients));
	if (!out->recipients)
		return ERR_LIMIT;
	read_sender(&g);
	out->count = collect(&g, out->recipients);
	explicit_bzero(&g.srs, sizeof(g.srs));
	return a->failed ? ERR_LIMIT : ERR_OK;
}

struct span route_domain(struct span address)
{
	for (size_t i = address.len; i-- > 0;)
		if (address.ptr[i] == '@')
			return span_skip(address, i + 1);
	return span_make(NULL, 0);
}

struct span route_hop(const struct snapshot *s, struct span domain, struct span sender_domain, struct arena *a)
{
	const struct relay_host *via = snapshot_relay_for(s, domain, sender_domain);

	if (!via)
		return arena_copy(a, domain);
	return arena_printf(a, "%.*s:%u", (int)via->host.len, via->host.ptr, (unsigned)via->port);
}
