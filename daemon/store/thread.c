/* store/thread.c: see the header. A long References list is known by its newest ids and its first: those that others of the thread name too. */
#include "daemon/store/thread.h"

#include "daemon/mime/refs.h"
#include "db/mail_thread.h"

#define KEYS_MAX 12 /* of a message; the value may change, rows that are there stay harmless */

struct keys {
	uint64_t list[KEYS_MAX];
	size_t count;
};

/* FNV-1a. Values are stored. Who makes two ids collide could as well name the one in the other. */
static uint64_t hash_of(struct span id)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < id.len; i++)
		hash = (hash ^ (unsigned char)id.ptr[i]) * UINT64_C(1099511628211);
	return hash;
}

static void add_key(struct keys *k, struct span id)
{
	uint64_t hash = hash_of(id);

	for (size_t i = 0; i < k->count; i++)
		if (k->list[i] == hash)
			return;
	if (k->count < KEYS_MAX)
		k->list[k->count++] = hash;
}

/* The last id of the list, which ends each with a NUL. */
static struct span take_last(struct span *refs)
{
	size_t end = refs->len - 1, start = end;

	while (start > 0 && refs->ptr[start - 1])
		start--;
	refs->len = start;
	return span_make(refs->ptr + start, end - start);
}

/* In the order in which they are asked for a thread. */
static void make_keys(struct span message_id, struct span refs, struct keys *k)
{
	struct span rest = refs, first;
	struct buf id;

	k->count = 0;
	buf_init(&id, REFS_ID_MAX);
	if (refs_next(&message_id, &id))
		add_key(k, buf_span(&id));
	buf_clear(&id);
	while (refs.len && k->count < KEYS_MAX - 1)
		add_key(k, take_last(&refs));
	if (refs.len && span_split(&rest, '\0', &first))
		add_key(k, first);
}

enum err thread_join(struct db *db, uint64_t content, struct span message_id, struct span refs, uint64_t *thread_out)
{
	struct keys k;
	uint64_t thread;
	enum err e = ERR_NOT_FOUND;

	*thread_out = 0;
	make_keys(message_id, refs, &k);
	for (size_t i = 0; e == ERR_NOT_FOUND && i < k.count; i++)
		e = db_thread_find(db, k.list[i], &thread);
	if (!e)
		*thread_out = thread;
	else
		thread = content;
	if (e == ERR_NOT_FOUND)
		e = ERR_OK;
	for (size_t i = 0; !e && i < k.count; i++)
		e = db_thread_add(db, k.list[i], content, thread);
	return e;
}

enum err thread_leave(struct db *db, uint64_t content, struct span message_id, struct span refs)
{
	struct keys k;
	enum err e = ERR_OK;

	make_keys(message_id, refs, &k);
	for (size_t i = 0; !e && i < k.count; i++)
		e = db_thread_remove(db, k.list[i], content);
	return e;
}
