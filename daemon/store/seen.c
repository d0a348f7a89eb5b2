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

struct forgetting {
	uint64_t mailbox_id, reader;
};

static enum err run_forget(struct db *db, void *arg)
{
	const struct forgetting *f = arg;

	enum err e = db_seen_forget(db, f->mailbox_id, f->reader);

	return !e && !f->mailbox_id ? db_annotation_forget_reader(db, f->reader) : e;
}

static enum err next_reader(struct mailstore *m, struct forgetting *at)
{
	struct db *db;
	enum err e = mailstore_reader_take(m, &db);

	if (e)
		return e;
	e = db_seen_next_reader(db, &at->mailbox_id, &at->reader);
	mailstore_reader_give(m, &db);
	return e;
}

enum err seen_tend(struct mailstore *m, bool (*is_account)(void *arg, uint64_t id), void *arg)
{
	struct forgetting at = { 0, 0 };
	enum err e;

	while (!(e = next_reader(m, &at))) {
		if (is_account(arg, at.reader))
			continue;
		state_forget_viewer(m, at.mailbox_id, at.reader);
		e = mailstore_write(m, run_forget, &at, WRITE_WEIGHT);
		if (e)
			return e;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}
