/* store/resync.c: what a client that was away has missed (RFC 7162 VANISHED). */
#include <string.h>

#include "daemon/store/gone.h"
#include "daemon/store/inside_view.h"
#include "daemon/store/view.h"
#include "db/mail_mailbox.h"

/* What may have left since then: by the log, or, where it does not reach back so far, every UID that was ever given. */
static enum err gather_left(struct view *v, uint64_t since, struct gone_list *left)
{
	struct db_mailbox row = { .id = 0 };
	struct db *db;
	enum err e = mailstore_reader_take(v->m, &db);

	if (e)
		return e;
	e = db_begin(db);
	if (!e)
		e = db_mailbox_by_id(db, v->state->id, &row);
	if (!e && since < row.expunged_floor)
		e = gone_add(left, 1, UINT32_MAX) ? ERR_OK : ERR_TEMP;
	else if (!e)
		e = gone_read(db, row.id, since, left);
	mailstore_reader_give(v->m, &db);
	return e == ERR_NOT_FOUND ? ERR_OK : e; /* the mailbox has gone: the next sync says so */
}

struct filtering {
	const struct uidmap *map;
	const struct uid_set *known;
	size_t at; /* in known: ranges before it lie below */
	struct gone_list found;
	bool failed;
};

static void keep_known(void *arg, uint32_t first, uint32_t last)
{
	struct filtering *f = arg;
	const uint32_t uid = uidmap_uid(f->map, first), last_uid = uid + (last - first);

	if (!f->known) {
		f->failed = f->failed || !gone_add(&f->found, uid, last_uid);
		return;
	}
	while (f->at < f->known->count && f->known->ranges[f->at].last < uid)
		f->at++;
	for (size_t i = f->at; i < f->known->count && f->known->ranges[i].first <= last_uid; i++) {
		const struct uid_range *k = &f->known->ranges[i];

		f->failed = f->failed || !gone_add(&f->found, k->first > uid ? k->first : uid, k->last < last_uid ? k->last : last_uid);
	}
}

/* Ranges to a map, without what the view can't know of. */
static struct uidmap *map_of(const struct view *v, struct gone_list *left)
{
	struct uidmap_builder b = { .ranges = NULL };
	uint32_t from = 1;

	for (size_t i = 0; i < left->count && left->ranges[i].first <= view_last_known(v); i++) {
		uint32_t first = left->ranges[i].first > from ? left->ranges[i].first : from;
		uint32_t last = left->ranges[i].last < view_last_known(v) ? left->ranges[i].last : view_last_known(v);

		if (first <= last) {
			uidmap_add(&b, first, last);
			from = last + 1;
		}
		if (last == UINT32_MAX)
			break;
	}
	return uidmap_build(&b);
}

enum err view_vanished(struct view *v, uint64_t since, const struct uid_set *known, struct arena *a, struct uid_set *out)
{
	struct gone_list left = { .ranges = NULL };
	struct filtering f = { .known = known };
	struct uidmap *map = NULL;
	enum err e = gather_left(v, since, &left);

	*out = (struct uid_set){ NULL, 0 };
	if (!e) {
		map = map_of(v, &left);
		e = map ? ERR_OK : ERR_TEMP;
	}
	if (!e) {
		f.map = map;
		uidmap_missing(map, v->map, keep_known, &f);
		e = f.failed ? ERR_TEMP : ERR_OK;
	}
	if (!e && f.found.count) {
		out->ranges = arena_array(a, f.found.count, sizeof(*out->ranges));
		e = out->ranges ? ERR_OK : ERR_LIMIT;
	}
	if (!e && f.found.count) {
		memcpy(out->ranges, f.found.ranges, f.found.count * sizeof(*out->ranges));
		out->count = f.found.count;
	}
	uidmap_release(&map);
	gone_clear(&left);
	gone_clear(&f.found);
	return e;
}
