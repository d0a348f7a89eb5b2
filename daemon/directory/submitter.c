/* directory/submitter.c: the rows of submitter: not part of the snapshot, they are read when somebody hands in a message. */
#include "daemon/directory/submitter.h"

#include "db/control_submitter.h"

#define SENDER_MEMORY_MAX 8192

struct reading {
	struct arena *arena;
	int64_t uid;
	struct submitter *list;
	size_t count, room;
};

static enum err add(void *arg, const struct db_submitter *row)
{
	struct reading *r = arg;

	if (r->count == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct submitter *wider = arena_array(r->arena, room, sizeof *wider);

		if (!wider)
			return ERR_LIMIT;
		if (r->count > 0)
			memcpy(wider, r->list, r->count * sizeof *wider);
		r->list = wider;
		r->room = room;
	}
	r->list[r->count++] = (struct submitter){ row->uid, arena_copy(r->arena, row->sender), row->remote, row->allowed };
	return r->arena->failed ? ERR_LIMIT : ERR_OK;
}

static enum err run_find(struct db *db, void *arg)
{
	struct reading *r = arg;

	return db_submitter_find(db, r->uid, add, r);
}

static enum err run_list(struct db *db, void *arg)
{
	return db_submitter_each(db, add, arg);
}

static enum err run_set(struct db *db, void *arg)
{
	return db_submitter_set(db, arg);
}

static enum err run_remove(struct db *db, void *arg)
{
	return db_submitter_remove(db, *(const int64_t *)arg);
}

enum err directory_submitter_find(struct directory *d, int64_t uid, struct arena *a, struct submitter *out)
{
	struct reading r = { .arena = a, .uid = uid };
	enum err e = directory_read(d, run_find, &r);

	if (e == ERR_OK)
		*out = r.list[0];
	else if (e == ERR_NOT_FOUND)
		*out = (struct submitter){ .uid = SUBMITTER_EVERYBODY, .allowed = true };
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err directory_submitters(struct directory *d, struct arena *a, struct submitter **out, size_t *count_out)
{
	struct reading r = { .arena = a };
	enum err e = directory_read(d, run_list, &r);

	*out = r.list;
	*count_out = r.count;
	return e;
}

enum err directory_submitter_set(struct directory *d, const struct submitter *s, struct note *why)
{
	struct db_submitter row = { .uid = s->uid, .sender = s->sender, .remote = s->remote, .allowed = s->allowed };
	struct address address;
	struct arena a;
	enum err e = ERR_OK;

	if (s->uid < SUBMITTER_EVERYBODY || s->uid > SUBMITTER_UID_MAX) {
		note_set(why, "a uid is 0 to %lld, or -1 for everybody else", (long long)SUBMITTER_UID_MAX);
		return ERR_SYNTAX;
	}
	arena_init(&a, SENDER_MEMORY_MAX);
	if (s->sender.len > 0)
		e = s->sender.len > ADDRESS_MAX ? ERR_LIMIT : address_parse(s->sender, &a, &address);
	if (e != ERR_OK)
		note_set(why, "the sender is an address like cron@example.org");
	arena_clear(&a);
	return e == ERR_OK ? directory_write(d, run_set, &row, why) : e == ERR_LIMIT ? ERR_SYNTAX
										     : e;
}

enum err directory_submitter_remove(struct directory *d, int64_t uid, struct note *why)
{
	return directory_write(d, run_remove, &uid, why);
}
