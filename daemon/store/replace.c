/* store/replace.c: REPLACE (RFC 8508): one message in, one out, in one transaction: at no moment both or neither. */
#include "daemon/store/append.h"
#include "daemon/store/expunge.h"
#include "daemon/store/inside_view.h"
#include "daemon/store/notice.h"
#include "daemon/store/room.h"
#include "db/mail_account.h"

struct replacing {
	struct view *v;
	uint32_t uid;
	uint64_t target_id;
	struct filing filing;
	const struct store_room *room;
	struct picked_list rows; /* the old one */
	struct file_list files;
	struct append_result result;
	uint64_t modseq;
	bool did_run;
};

static enum err check(struct db *db, struct replacing *r)
{
	const struct uid_set set = { &(struct uid_range){ r->uid, r->uid }, 1 };
	enum err e = picked_read(db, r->v->state->id, &set, view_last_known(r->v), 0, &r->rows);

	if (!e && r->rows.count == 0)
		e = ERR_STATE;
	return e ? e : room_check(db, r->room, (int64_t)filing_size(r->filing.message) - (int64_t)r->rows.rows[0].size, 0);
}

static enum err run_replace(struct db *db, void *arg)
{
	struct replacing *r = arg;
	struct db_message row = { .mailbox = r->target_id };
	struct db_mailbox target;
	enum err e = db_mailbox_by_id(db, r->target_id, &target);

	r->did_run = false;
	if (!e)
		e = check(db, r);
	if (!e)
		e = db_mail_allot(db, 1, &row.modseq, &row.content);
	if (!e)
		e = append_rows(db, &target, &r->filing, 1, row);
	if (!e)
		e = expunge_rows(db, r->v->state->id, &r->rows, row.modseq);
	if (!e)
		e = expunge_contents(db, &r->rows, &r->files);
	if (e)
		return e;
	r->result = (struct append_result){ target.uid_validity, (uint32_t)target.uid_next };
	r->modseq = row.modseq;
	r->did_run = true;
	return ERR_OK;
}

enum err view_replace(struct view *v, uint32_t uid, uint64_t target_mailbox_id, const struct new_message *message, const struct store_room *room,
		      struct append_result *out)
{
	struct replacing r = { .v = v, .uid = uid, .target_id = target_mailbox_id, .filing.message = message, .room = room };
	enum err e = append_take(v->m, &r.filing, 1);

	if (!e)
		e = mailstore_write(v->m, run_replace, &r, FILING_ROW_WEIGHT + filing_weight(message));
	filing_drop_files(v->m, &r.filing, 1, !e, r.did_run);
	if (!e) {
		append_taken(v->m, &r.filing, 1);
		filing_arrived(v->m, target_mailbox_id, r.result.uid, r.modseq);
		if (target_mailbox_id != v->state->id)
			state_announce(v->state, r.modseq);
		notice_changed(v->m, v->state->id, CHANGE_EXPUNGED, 0);
		expunge_files(v->m, &r.files);
		*out = r.result;
	}
	file_list_clear(&r.files);
	picked_clear(&r.rows);
	return e;
}
