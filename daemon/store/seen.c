/* store/seen.c: what readers have seen, counted and forgotten. */
#include "daemon/store/seen.h"

#include "daemon/store/state.h"
#include "db/mail_annotation.h"
#include "db/mail_mailbox.h"
#include "db/mail_seen.h"

#define WRITE_WEIGHT 16384

enum err mailbox_unseen_for(struct mailstore *m, uint64_t mailbox_id, uint64_t viewer, uint32_t *count_out)
{
	struct db_mailbox row;
	uint32_t seen = 0;
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_begin(db);
	if (!e)
		e = db_mailbox_by_id(db, mailbox_id, &row);
	if (!e && viewer && viewer != m->account_id)
		e = db_seen_count(db, mailbox_id, viewer, &seen);
	mailstore_reader_give(m, &db);
	if (e)
		return e;
	if (!viewer || viewer == m->account_id)
		*count_out = row.unseen;
	else
		*count_out = seen < row.messages ? row.messages - seen : 0;
	return ERR_OK;
}

struct reader {
	uint64_t mailbox_id, id; /* mailbox_id: of what was seen */
};

static enum err run_forget_seen(struct db *db, void *arg)
{
	const struct reader *r = arg;

	return db_seen_forget(db, r->mailbox_id, r->id);
}

static enum err run_forget_annotations(struct db *db, void *arg)
{
	const struct reader *r = arg;

	return db_annotation_forget_reader(db, r->id);
}

static enum err next_seen(struct db *db, struct reader *at)
{
	return db_seen_next_reader(db, &at->mailbox_id, &at->id);
}

static enum err next_annotated(struct db *db, struct reader *at)
{
	return db_annotation_next_reader(db, &at->id);
}

static enum err next_reader(struct mailstore *m, enum err (*next)(struct db *db, struct reader *at), struct reader *at)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = next(db, at);
	mailstore_reader_give(m, &db);
	return e;
}

enum err readers_tend(struct mailstore *m, bool (*is_account)(void *arg, uint64_t id), void *arg)
{
	struct reader seen = { 0, 0 }, annotated = { 0, 0 };
	enum err e;

	while (!(e = next_reader(m, next_seen, &seen))) {
		if (is_account(arg, seen.id))
			continue;
		state_forget_viewer(m, seen.mailbox_id, seen.id);
		e = mailstore_write(m, run_forget_seen, &seen, WRITE_WEIGHT);
		if (e)
			return e;
	}
	if (e != ERR_NOT_FOUND)
		return e;
	while (!(e = next_reader(m, next_annotated, &annotated))) {
		if (is_account(arg, annotated.id))
			continue;
		e = mailstore_write(m, run_forget_annotations, &annotated, WRITE_WEIGHT);
		if (e)
			return e;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
