/* queue/route.c: from the envelope's recipients to mailboxes and next hops.
 *
 * Aliases are expanded once, inside the acceptance, and what comes out is stored in the same transaction: a directory that
 * changes between two attempts neither doubles nor loses a recipient. The addresses met form a graph, each a node once:
 *
 * (1) Every recipient of the envelope reaches a leaf: an account, a remote address, or a recipient that fails with a reason.
 *     A cycle of aliases without a way out is such a failure (5.4.6).
 * (2) A message goes once to an account, whatever number of addresses lead there: the first that was given stands in Delivered-To.
 * (3) A remote recipient of the envelope itself needs a sender who logged in, or us.
 */
#include "daemon/queue/route.h"

#include <stdlib.h>

struct node {
	struct span text;
	struct address address;
	uint32_t root, depth; /* recipient of the envelope */
	bool alias, leaf, reaches;
	enum rcpt_kind kind;
	uint64_t account_id;
};

struct edge {
	uint32_t from, to;
};

struct graph {
	struct arena *a;
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

static enum err node_add(struct graph *g, struct span text, uint32_t root, uint32_t depth, uint32_t *index_out)
{
	struct address addr;
	struct node *n;

	parse_recipient(text, g->a, &addr);
	if (table_find(g, &addr, index_out))
		return ERR_OK;
	if (g->count >= ROUTE_MAX_ADDRESSES)
		return ERR_LIMIT;
	if (!array_room(g->a, (void **)&g->nodes, g->count, &g->cap, sizeof(*g->nodes)) || !table_room(g))
		return ERR_LIMIT;
	n = &g->nodes[g->count];
	*n = (struct node){ .text = text, .address = addr, .root = root, .depth = depth };
	*index_out = (uint32_t)g->count;
	table_put(g, (uint32_t)g->count++);
	return ERR_OK;
}

static enum err expand_alias(struct graph *g, uint32_t from, const struct resolution *r)
{
	uint32_t root = g->nodes[from].root, depth = g->nodes[from].depth, to;

	if (depth >= ROUTE_MAX_DEPTH) {
		g->nodes[from].leaf = true;
		g->nodes[from].kind = RCPT_LOOP;
		return ERR_OK;
	}
	g->nodes[from].alias = true;
	for (size_t i = 0; i < r->target_count; i++) {
		enum err e = node_add(g, r->targets[i], root, depth + 1, &to);

		if (e)
			return e;
		if (!array_room(g->a, (void **)&g->edges, g->edge_count, &g->edge_cap, sizeof(*g->edges)))
			return ERR_LIMIT;
		g->edges[g->edge_count++] = (struct edge){ from, to };
	}
	return ERR_OK;
}

static enum err resolve_node(struct graph *g, const struct snapshot *s, const struct accept_envelope *envelope, uint32_t at)
{
	struct node *n = &g->nodes[at];
	struct resolution r;

	snapshot_resolve(s, &n->address, &r);
	switch (r.kind) {
	case RESOLVED_ALIAS: return expand_alias(g, at, &r);
	case RESOLVED_ACCOUNT:
		n->kind = RCPT_LOCAL;
		n->account_id = r.account_id;
		break;
	case RESOLVED_REFUSED:
	case RESOLVED_SUSPENDED: n->kind = RCPT_SUSPENDED; break;
	case RESOLVED_UNKNOWN: n->kind = RCPT_UNKNOWN; break;
	case RESOLVED_REMOTE:
		if (n->depth == 0 && envelope->source == FROM_MX && envelope->account_id == 0)
			return ERR_DENIED;
		n->kind = RCPT_REMOTE;
		break;
	}
	n->leaf = true;
	return ERR_OK;
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

static int compare_routed(const void *left, const void *right)
{
	const struct routed *a = left, *b = right;
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->account_id != b->account_id)
		return a->account_id < b->account_id ? -1 : 1;
	c = span_compare(a->hop, b->hop);
	if (!c)
		c = span_compare(route_domain(a->address), route_domain(b->address));
	return c ? c : (a->order > b->order) - (a->order < b->order);
}

static struct span write_address(const struct node *n, struct arena *a)
{
	struct buf text;
	struct span out;

	buf_init(&text, 2 * ADDRESS_MAX);
	address_write(&n->address, &text);
	out = text.failed ? n->text : buf_span(&text);
	out = arena_copy(a, out);
	buf_clear(&text);
	return out;
}

static size_t collect(const struct graph *g, const struct snapshot *s, const struct accept_envelope *envelope, struct routed *out)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < g->count; i++) {
		const struct node *n = &g->nodes[i];

		if (!n->leaf)
			continue;
		out[count] = (struct routed){ .address = n->text, .original = envelope->recipients[n->root], .account_id = n->account_id, .kind = n->kind, .order = i };
		if (n->kind == RCPT_REMOTE) {
			out[count].address = write_address(n, g->a);
			out[count].hop = route_hop(s, n->address.domain, g->a);
		}
		count++;
	}
	if (count > 1)
		qsort(out, count, sizeof(*out), compare_routed);
	for (size_t i = 0; i < count; i++)
		if (!kept || out[i].kind != RCPT_LOCAL || out[kept - 1].kind != RCPT_LOCAL || out[kept - 1].account_id != out[i].account_id)
			out[kept++] = out[i];
	return kept;
}

enum err route_expand(const struct snapshot *s, const struct accept_envelope *envelope, struct arena *a, struct routed **out, size_t *count_out, struct note *why)
{
	struct graph g = { .a = a };
	enum err e = ERR_OK;
	uint32_t index;

	for (size_t i = 0; !e && i < envelope->recipient_count; i++)
		e = node_add(&g, envelope->recipients[i], (uint32_t)i, 0, &index);
	for (size_t i = 0; !e && i < g.count; i++)
		e = resolve_node(&g, s, envelope, (uint32_t)i);
	if (e == ERR_DENIED)
		note_set(why, "a remote recipient without an authenticated sender");
	else if (e)
		note_set(why, "the recipients expand to more than %d addresses", ROUTE_MAX_ADDRESSES);
	if (e)
		return e;
	find_dead_ends(&g);
	*out = arena_array(a, g.count, sizeof(**out));
	if (!*out)
		return ERR_LIMIT;
	*count_out = collect(&g, s, envelope, *out);
	return a->failed ? ERR_LIMIT : ERR_OK;
}

struct span route_domain(struct span address)
{
	for (size_t i = address.len; i-- > 0;)
		if (address.ptr[i] == '@')
			return span_skip(address, i + 1);
	return span_make(NULL, 0);
}

struct span route_hop(const struct snapshot *s, struct span domain, struct arena *a)
{
	const struct relay_host *via = snapshot_relay_for(s, domain, SPAN(""));

	if (!via)
		return arena_copy(a, domain);
	return arena_printf(a, "%.*s:%u", (int)via->host.len, via->host.ptr, (unsigned)via->port);
}
