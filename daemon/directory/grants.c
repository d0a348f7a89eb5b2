/* directory/grants.c: the table of grants in memory, and the changes of it.
 *
 * (1) It is read whole, inside the transaction that changed it and before the commit, as snapshots are: what is committed is always shown.
 * (2) Rows are sorted by owner, mailbox, grantee; beside them stand the pairs (grantee, owner), sorted, each once.
 */
#include "daemon/directory/grants.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "daemon/base/size.h"
#include "daemon/directory/change.h"
#include "daemon/directory/grants_table.h"
#include "db/control_grant.h"

struct pair {
	uint64_t grantee, owner;
};

struct grants {
	atomic_uint refs;
	uint64_t version;
	struct grant *rows;
	struct pair *pairs;
	size_t count, cap, pair_count;
};

static const char letters[] = "lrswipkxtea";
_Static_assert(RIGHT_ALL == (1 << (sizeof letters - 1)) - 1, "a letter for each right");

void rights_write(unsigned rights, char out[12])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof letters - 1; i++)
		if (rights >> i & 1)
			out[n++] = letters[i];
	out[n] = '\0';
}

enum err rights_parse(struct span text, unsigned *out)
{
	unsigned rights = 0;
	size_t at;

	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == 'c')
			rights |= RIGHT_CREATE | RIGHT_DELETE_MAILBOX;
		else if (text.ptr[i] == 'd')
			rights |= RIGHT_DELETE_MESSAGES | RIGHT_EXPUNGE;
		else if (span_find_char(SPAN("lrswipkxtea"), text.ptr[i], &at))
			rights |= 1u << at;
		else
			return ERR_SYNTAX;
	}
	*out = rights;
	return ERR_OK;
}

/* ---- the table ---- */

static enum err add_row(void *arg, const struct db_grant *row)
{
	struct grants *g = arg;

	if (g->count == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 16, bytes;
		struct grant *more = size_mul(cap, sizeof *more, &bytes) ? realloc(g->rows, bytes) : NULL;

		if (!more)
			return ERR_TEMP;
		g->rows = more;
		g->cap = cap;
	}
	g->rows[g->count++] = (struct grant){ .owner = row->owner, .mailbox = row->mailbox, .grantee = row->grantee, .rights = row->rights & RIGHT_ALL };
	return ERR_OK;
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->grantee != y->grantee)
		return x->grantee < y->grantee ? -1 : 1;
	return (x->owner > y->owner) - (x->owner < y->owner);
}

static enum err make_pairs(struct grants *g)
{
	g->pairs = calloc(g->count ? g->count : 1, sizeof *g->pairs);
	if (!g->pairs)
		return ERR_TEMP;
	for (size_t i = 0; i < g->count; i++)
		g->pairs[i] = (struct pair){ g->rows[i].grantee, g->rows[i].owner };
	qsort(g->pairs, g->count, sizeof *g->pairs, compare_pairs);
	for (size_t i = 0; i < g->count; i++)
		if (i == 0 || compare_pairs(&g->pairs[i], &g->pairs[i - 1]) != 0)
			g->pairs[g->pair_count++] = g->pairs[i];
	return ERR_OK;
}

static atomic_uint_least64_t versions;

enum err grants_build(struct db *db, const struct grants **out)
{
	struct grants *g = calloc(1, sizeof *g);
	const struct grants *made = g;
	enum err e;

	*out = NULL;
	if (!g)
		return ERR_TEMP;
	atomic_init(&g->refs, 1);
	g->version = atomic_fetch_add(&versions, 1) + 1;
	e = db_grant_each(db, add_row, g);
	if (!e)
		e = make_pairs(g);
	if (e)
		grants_release(&made);
	*out = made;
	return e;
}

const struct grants *grants_hold(struct directory *d)
{
	const struct grants *g;

	pthread_mutex_lock(&d->lock);
	g = d->grants;
	atomic_fetch_add_explicit(&d->grants->refs, 1, memory_order_relaxed);
	pthread_mutex_unlock(&d->lock);
	return g;
}

void grants_release(const struct grants **grants)
{
	struct grants *g = (struct grants *)(uintptr_t)*grants;

	*grants = NULL;
	if (!g || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(g->rows);
	free(g->pairs);
	free(g);
}

/* ---- asking ---- */

uint64_t grants_version(const struct grants *g)
{
	return g->version;
}

/* The first row at or above (owner, mailbox, grantee). */
static size_t first_from(const struct grants *g, uint64_t owner, uint64_t mailbox, uint64_t grantee)
{
	size_t low = 0, high = g->count;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const struct grant *r = &g->rows[mid];
		const bool below = r->owner != owner ? r->owner < owner : r->mailbox != mailbox ? r->mailbox < mailbox
												: r->grantee < grantee;

		if (below)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

size_t grants_of(const struct grants *g, uint64_t owner, const struct grant **out)
{
	const size_t from = first_from(g, owner, 0, 0);

	*out = g->rows ? g->rows + from : NULL; /* nobody has granted anything yet */
	return first_from(g, owner + 1, 0, 0) - from;
}

static const struct grant *find(const struct grants *g, uint64_t owner, uint64_t mailbox, uint64_t grantee)
{
	const size_t at = first_from(g, owner, mailbox, grantee);
	const struct grant *r = at < g->count ? &g->rows[at] : NULL;

	return r && r->owner == owner && r->mailbox == mailbox && r->grantee == grantee ? r : NULL;
}

static unsigned rights_of(const struct grants *g, uint64_t owner, uint64_t mailbox, uint64_t grantee)
{
	const struct grant *r = find(g, owner, mailbox, grantee);

	if (!r)
		r = find(g, owner, GRANT_EVERY_MAILBOX, grantee);
	return r ? r->rights : 0;
}

static bool are_neighbours(const struct account *a, const struct account *b)
{
	size_t x, y;

	return span_find_char(a->address, '@', &x) && span_find_char(b->address, '@', &y) && span_iequals(span_skip(a->address, x), span_skip(b->address, y));
}

unsigned grants_rights(const struct grants *g, const struct snapshot *s, uint64_t account_id, uint64_t owner, uint64_t mailbox)
{
	const struct account *who = snapshot_account(s, account_id), *of = snapshot_account(s, owner);

	if (!who || !of || who->disabled || of->disabled)
		return 0;
	if (account_id == owner)
		return RIGHT_ALL;
	return rights_of(g, owner, mailbox, account_id) | (are_neighbours(who, of) ? rights_of(g, owner, mailbox, GRANTEE_ANYONE) : 0);
}

static size_t first_pair(const struct grants *g, uint64_t grantee)
{
	size_t low = 0, high = g->pair_count;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;

		if (g->pairs[mid].grantee < grantee)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

enum err grants_owners(const struct grants *g, const struct snapshot *s, uint64_t account_id, struct arena *a, uint64_t **out, size_t *count_out)
{
	const struct account *who = snapshot_account(s, account_id);
	const size_t own = first_pair(g, account_id), own_end = first_pair(g, account_id + 1), all_end = first_pair(g, GRANTEE_ANYONE + 1);
	uint64_t *owners = arena_array(a, own_end - own + all_end + 1, sizeof *owners);
	size_t n = 0, i = own, k = 0;

	*out = owners;
	*count_out = 0;
	if (!owners)
		return ERR_LIMIT;
	while (who && (i < own_end || k < all_end)) {
		const bool from_own = i < own_end && (k >= all_end || g->pairs[i].owner <= g->pairs[k].owner);
		const uint64_t owner = from_own ? g->pairs[i++].owner : g->pairs[k++].owner;
		const struct account *of = snapshot_account(s, owner);

		if (!of || owner == account_id || of->disabled || (n && owners[n - 1] == owner) || (!from_own && !are_neighbours(who, of)))
			continue;
		owners[n++] = owner;
	}
	*count_out = n;
	return ERR_OK;
}

/* ---- changing ---- */

static enum err check_count(struct directory *d, uint64_t owner, struct note *why)
{
	uint64_t count = 0;
	enum err e = db_grant_count(d->db, owner, &count);

	if (!e && count > GRANTS_PER_OWNER_MAX) {
		note_set(why, "an account has at most %d grants", GRANTS_PER_OWNER_MAX);
		return ERR_LIMIT;
	}
	return e;
}

static enum err run_set(struct directory *d, void *arg, struct note *why)
{
	const struct grant *g = arg;
	const struct db_grant row = { .owner = g->owner, .mailbox = g->mailbox, .grantee = g->grantee, .rights = g->rights };
	unsigned every = 0;
	enum err e = ERR_OK;

	d->grants_changed = true;
	if (!g->rights && g->mailbox != GRANT_EVERY_MAILBOX)
		e = db_grant_find(d->db, g->owner, GRANT_EVERY_MAILBOX, g->grantee, &every);
	if (e && e != ERR_NOT_FOUND)
		return e;
	if (!g->rights && !every)
		return db_grant_remove(d->db, g->owner, g->mailbox, g->grantee);
	e = db_grant_set(d->db, &row);
	return e ? e : check_count(d, g->owner, why);
}

enum err directory_grant_set(struct directory *d, const struct grant *grant, struct note *why)
{
	struct grant g = *grant;

	if (g.owner == g.grantee) {
		note_set(why, "the owner of a mailbox may do everything with it");
		return ERR_STATE;
	}
	return directory_change_grants(d, run_set, &g, why);
}

static enum err run_remove(struct directory *d, void *arg, struct note *why)
{
	const struct grant *g = arg;
	unsigned rights;
	enum err e = db_grant_find(d->db, g->owner, g->mailbox, g->grantee, &rights);

	(void)why;
	d->grants_changed = true;
	return e ? e : db_grant_remove(d->db, g->owner, g->mailbox, g->grantee);
}

enum err directory_grant_remove(struct directory *d, uint64_t owner, uint64_t mailbox, uint64_t grantee, struct note *why)
{
	struct grant g = { .owner = owner, .mailbox = mailbox, .grantee = grantee };

	return directory_change_grants(d, run_remove, &g, why);
}

struct mailboxes {
	uint64_t owner, from, to;
};

static enum err run_forget(struct directory *d, void *arg, struct note *why)
{
	const struct mailboxes *m = arg;

	(void)why;
	d->grants_changed = true;
	return db_grant_remove_mailbox(d->db, m->owner, m->from);
}

static enum err run_inherit(struct directory *d, void *arg, struct note *why)
{
	const struct mailboxes *m = arg;
	enum err e = db_grant_copy(d->db, m->owner, m->from, m->to);

	d->grants_changed = true;
	return e ? e : check_count(d, m->owner, why);
}

/* As it stands in memory: mailboxes that nobody shares come and go without a look at control.db. */
static bool is_granted(struct directory *d, uint64_t owner, uint64_t mailbox)
{
	const struct grants *g = grants_hold(d);
	const size_t at = first_from(g, owner, mailbox, 0);
	const bool is = at < g->count && g->rows[at].owner == owner && g->rows[at].mailbox == mailbox;

	grants_release(&g);
	return is;
}

enum err directory_grants_forget(struct directory *d, uint64_t owner, uint64_t mailbox, struct note *why)
{
	struct mailboxes m = { owner, mailbox, 0 };

	return mailbox != GRANT_EVERY_MAILBOX && is_granted(d, owner, mailbox) ? directory_change_grants(d, run_forget, &m, why) : ERR_OK;
}

enum err directory_grants_inherit(struct directory *d, uint64_t owner, uint64_t parent, uint64_t mailbox, struct note *why)
{
	struct mailboxes m = { owner, parent, mailbox };

	return parent != GRANT_EVERY_MAILBOX && is_granted(d, owner, parent) ? directory_change_grants(d, run_inherit, &m, why) : ERR_OK;
}
