/* store/check_mailboxes.c: counters of mailboxes and of the account, logs, and rows of what is gone.
 *
 * The messages of a mailbox are added up in one snapshot, beside its row of the same moment: what differs then differs in truth, and by how much stays the
 * same whatever is counted meanwhile. So a repair adds the difference, and no write ever waits for the adding up.
 */
#include "daemon/store/check_mailboxes.h"

#include <inttypes.h>

#include "daemon/store/mailbox.h"
#include "db/mail_mailbox.h"

#define SLICE 2000
#define FAULTS_MAX 1000 /* of all mailboxes together, looked after in one check */

struct counted {
	uint64_t id;
	struct span name;
	struct db_mailbox row;
	struct mail_sum sum, missing;
};

/* ---- one mailbox ---- */

static enum err add_up(struct checking *c, struct counted *k)
{
	struct mail_place from = { (int64_t)k->id, INT64_MIN }, to;
	enum err e;

	while (!(e = db_mail_walk_next(c->db, MAIL_MESSAGES, &from, SLICE, &to)) && to.major == from.major) {
		if (check_must_stop(c))
			return ERR_STATE;
		e = db_mail_sum(c->db, &from, &to, &k->sum);
		if (e)
			return e;
		from = to;
	}
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err count(struct checking *c, struct counted *k)
{
	enum err e = db_begin(c->db);

	if (e)
		return e;
	e = db_mailbox_by_id(c->db, k->id, &k->row);
	if (!e)
		e = add_up(c, k);
	db_rollback(c->db);
	k->missing = (struct mail_sum){
		.messages = k->sum.messages - (int64_t)k->row.messages,
		.unseen = k->sum.unseen - (int64_t)k->row.unseen,
		.deleted = k->sum.deleted - (int64_t)k->row.deleted,
		.size = k->sum.size - (int64_t)k->row.size_bytes,
	};
	return e;
}

static enum err correct(struct db *db, struct check_repair *r)
{
	const struct counted *k = r->arg;
	enum err e = db_mail_correct_counters(db, k->id, &k->missing);

	r->is_done = !e;
	return e;
}

static enum err raise_mailbox(struct db *db, struct check_repair *r)
{
	const struct counted *k = r->arg;
	bool more;
	enum err e = db_mail_raise_mailbox(db, k->id, k->sum.uid, k->sum.modseq, &r->is_done);

	return e ? e : db_mail_raise_account(db, &more);
}

static void tell_mailbox(struct checking *c, int fault, bool repaired, struct span name, struct span detail)
{
	struct mail_where where = { .name = name, .message_id = SPAN(""), .subject = SPAN("") };

	check_tell(c, fault, repaired, &where, detail);
}

static void settle_counters(struct checking *c, const struct counted *k)
{
	const struct mail_sum *d = &k->missing;
	bool repaired = false;

	if (!d->messages && !d->unseen && !d->deleted && !d->size)
		return;
	if (c->options->repairs)
		check_write(c, correct, k, &repaired);
	tell_mailbox(c, MAIL_COUNTERS, repaired, k->name,
		     arena_printf(&c->scratch, "messages %+" PRId64 ", unseen %+" PRId64 ", deleted %+" PRId64 ", bytes %+" PRId64, d->messages, d->unseen, d->deleted, d->size));
}

static void settle_ahead(struct checking *c, const struct counted *k)
{
	const bool uid = k->sum.messages && k->sum.uid >= k->row.uid_next, modseq = k->sum.modseq > k->row.modseq;
	bool repaired = false;

	if (!uid && !modseq)
		return;
	if (c->options->repairs)
		check_write(c, raise_mailbox, k, &repaired);
	if (uid)
		tell_mailbox(c, MAIL_UID_AHEAD, repaired, k->name, arena_printf(&c->scratch, "UID %" PRIu32 ", uidnext %" PRIu64, k->sum.uid, k->row.uid_next));
	if (modseq)
		tell_mailbox(c, MAIL_MODSEQ_AHEAD, repaired, k->name, arena_printf(&c->scratch, "%" PRIu64 ", mailbox %" PRIu64, k->sum.modseq, k->row.modseq));
}

/* ---- all of them ---- */

struct mailboxes {
	struct arena arena;
	struct counted *list;
	size_t count;
	struct {
		uint64_t mailbox;
		enum mail_fault fault;
	} * faults;
	size_t fault_count;
};

static bool add_mailbox(void *arg, const struct db_mailbox *row)
{
	struct mailboxes *all = arg;

	if (all->count < MAILBOX_COUNT_MAX)
		all->list[all->count++] = (struct counted){ .id = row->id, .name = arena_copy(&all->arena, row->name) };
	return true;
}

static bool add_fault(void *arg, uint64_t mailbox, enum mail_fault fault)
{
	struct mailboxes *all = arg;

	if (all->fault_count < FAULTS_MAX) {
		all->faults[all->fault_count].mailbox = mailbox;
		all->faults[all->fault_count++].fault = fault;
	}
	return true;
}

static struct span name_of(const struct mailboxes *all, uint64_t id)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].id == id)
			return all->list[i].name;
	return SPAN("");
}

static enum err begin_log(struct db *db, struct check_repair *r)
{
	enum err e = db_mail_begin_log(db, *(const uint64_t *)r->arg);

	r->is_done = !e;
	return e;
}

static enum err raise_account(struct db *db, struct check_repair *r)
{
	return db_mail_raise_account(db, &r->is_done);
}

static void settle_faults(struct checking *c, const struct mailboxes *all)
{
	bool raised = false, tried = false;

	for (size_t i = 0; i < all->fault_count; i++) {
		const uint64_t *id = &all->faults[i].mailbox;
		bool repaired = false;

		if (c->options->repairs && all->faults[i].fault == MAIL_EXPUNGED)
			check_write(c, begin_log, id, &repaired);
		else if (c->options->repairs && !tried)
			check_write(c, raise_account, NULL, &raised);
		tried = tried || all->faults[i].fault != MAIL_EXPUNGED;
		tell_mailbox(c, all->faults[i].fault, all->faults[i].fault == MAIL_EXPUNGED ? repaired : raised, name_of(all, *id), SPAN(""));
	}
	if (c->content_ahead) {
		if (c->options->repairs && !tried)
			check_write(c, raise_account, NULL, &raised);
		check_tell(c, MAIL_CONTENT_AHEAD, raised, NULL, SPAN(""));
	}
}

static enum err remove_left(struct db *db, struct check_repair *r)
{
	uint64_t rows;
	enum err e = db_mail_remove_left(db, &rows);

	r->is_done = !e && rows;
	return e;
}

static enum err check_left(struct checking *c)
{
	uint64_t rows;
	bool removed = false;
	enum err e = db_mail_check_left(c->db, &rows);

	if (e || !rows)
		return e;
	if (c->options->repairs)
		check_write(c, remove_left, NULL, &removed);
	check_tell(c, MAIL_ROWS_LEFT, removed, NULL, arena_printf(&c->scratch, "%" PRIu64 " rows", rows));
	return check_rest(c);
}

static enum err check_all(struct checking *c, struct mailboxes *all)
{
	enum err e = db_mailbox_each(c->db, add_mailbox, all);

	for (size_t i = 0; !e && i < all->count; i++) {
		struct counted *k = &all->list[i];

		e = count(c, k);
		if (e == ERR_NOT_FOUND) { /* deleted meanwhile */
			e = ERR_OK;
			continue;
		}
		c->report->messages += (uint64_t)k->sum.messages;
		if (!e) {
			settle_ahead(c, k);
			settle_counters(c, k);
			e = check_rest(c);
		}
	}
	if (!e)
		e = db_mail_check_mailboxes(c->db, add_fault, all);
	if (!e) {
		settle_faults(c, all);
		e = check_rest(c);
	}
	return e ? e : check_left(c);
}

enum err check_mailboxes(struct checking *c)
{
	struct mailboxes all = { .count = 0 };
	enum err e = ERR_TEMP;

	arena_init(&all.arena, 64u * 1024u * 1024u);
	all.list = arena_array(&all.arena, MAILBOX_COUNT_MAX, sizeof(*all.list));
	all.faults = arena_array(&all.arena, FAULTS_MAX, sizeof(*all.faults));
	if (all.list && all.faults)
		e = check_all(c, &all);
	arena_clear(&all.arena);
	if (e != ERR_CORRUPT)
		return e;
	check_tell(c, CHECK_PAGES, false, NULL, SPAN("mailboxes cannot be read to their end"));
	return check_rest(c);
}
