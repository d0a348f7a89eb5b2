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

enum err seen_forget(struct mailstore *m, uint64_t mailbox_id, uint64_t reader)
{
	struct forgetting f = { mailbox_id, reader };

	state_forget_viewer(m, mailbox_id, reader);
	return mailstore_write(m, run_forget, &f, WRITE_WEIGHT);
}
