/* api/users_list.c: GET /users: searched in the snapshot; only what is shown becomes JSON. */
#include <inttypes.h>
#include <jansson.h>

#include "api/listing.h"
#include "api/resources.h"
#include "api/user.h"

struct user_list {
	struct api_call *c;
	struct user_filter filter;
	const struct account *const *by_address;
	const struct account *by_id; /* also by time: an id is given when a user is made */
	bool is_by_id;
	const uint64_t *hits; /* of the search, by id; null: users are looked at one by one */
};

static const struct account *at(const struct user_list *l, size_t i)
{
	return l->is_by_id ? &l->by_id[i] : l->by_address[i];
}

static bool fits(void *arg, size_t i)
{
	const struct user_list *l = arg;
	const struct account *a = at(l, i);
	const size_t place = (size_t)(a - l->by_id);

	if (l->hits && !(l->hits[place / 64] >> (place % 64) & 1))
		return false;
	return user_fits(l->c, &l->filter, a);
}

static struct span key(void *arg, size_t i)
{
	const struct user_list *l = arg;

	return l->is_by_id ? arena_printf(&l->c->arena, "%" PRIu64, l->by_id[i].id) : l->by_address[i]->address;
}

static int compare(void *arg, size_t i, struct span after)
{
	const struct user_list *l = arg;
	uint64_t id = 0;

	if (!l->is_by_id)
		return span_compare(l->by_address[i]->address, after);
	if (span_to_u64(after, UINT64_MAX, &id) != ERR_OK)
		return 1;
	return l->by_id[i].id < id ? -1 : l->by_id[i].id > id;
}

static json_t *show(void *arg, size_t i)
{
	return user_json(at(arg, i));
}

/* What is not ASCII compares by more rules than bytes have: one by one. */
static void search(struct user_list *l, const struct snapshot *s, size_t count)
{
	uint64_t *hits;

	if (l->filter.q.len == 0 || !span_is_ascii(l->filter.q) || memchr(l->filter.q.ptr, '\n', l->filter.q.len))
		return;
	hits = arena_array(&l->c->arena, count / 64 + 1, sizeof(*hits));
	if (!hits || !snapshot_search(s, l->filter.q, hits))
		return;
	l->hits = hits;
	l->filter.q = SPAN("");
}

void api_users_list(struct api_call *c)
{
	const struct snapshot *s = call_directory(c);
	struct user_list l = { .c = c, .filter = user_filter_of_query(c) };
	struct listing listing = { .arg = &l, .fits = fits, .key = key, .compare = compare, .show = show };
	struct span sort = call_query(c, "sort");

	listing.count = snapshot_accounts(s, &l.by_address);
	(void)snapshot_accounts_by_id(s, &l.by_id);
	l.is_by_id = span_ends(sort, SPAN("created_at"));
	listing.descending = span_starts(sort, SPAN("-"));
	search(&l, s, listing.count);
	listing_reply(c, &listing);
	call_release(c, &s);
}
