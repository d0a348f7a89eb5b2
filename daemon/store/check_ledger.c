/* store/check_ledger.c: ledger rows of messages that the queue does not know.
 *
 * Between the end of a message in the queue and the end of its ledger row lie moments: what is not known now is asked for again a second later, and what
 * waits for the next delivery to go with it (message_ledger_done) is as it should be.
 */
#include "daemon/store/check_ledger.h"

#include <time.h>

#include "db/mail_account.h"

#define ROWS_MAX 10000 /* looked after in one check */
#define LATER_MS 1000
#define LOOK_MS 50

struct ledger {
	struct checking *c;
	uint8_t (*ids)[16];
	size_t count, removed;
};

static bool waits_to_go(struct mailstore *m, const uint8_t id[16])
{
	bool waits = false;

	pthread_mutex_lock(&m->lock);
	for (size_t i = 0; i < m->ledger_count && !waits; i++)
		waits = memcmp(m->ledger_done[i], id, 16) == 0;
	pthread_mutex_unlock(&m->lock);
	return waits;
}

static bool is_left(const struct checking *c, const uint8_t id[16])
{
	return !c->options->is_live(c->options->arg, id) && !waits_to_go(c->m, id);
}

static bool take_row(void *arg, const uint8_t id[16])
{
	struct ledger *l = arg;

	if (l->count < ROWS_MAX && is_left(l->c, id))
		memcpy(l->ids[l->count++], id, 16);
	return !check_must_stop(l->c);
}

static bool wait_a_moment(const struct checking *c)
{
	for (int64_t waited_ms = 0; waited_ms < LATER_MS && !check_must_stop(c); waited_ms += LOOK_MS)
		(void)nanosleep(&(struct timespec){ 0, LOOK_MS * 1000000 }, NULL);
	return !check_must_stop(c);
}

static bool keep_known(void *arg, const uint8_t id[16])
{
	struct ledger *l = arg;

	for (size_t i = 0; i < l->count; i++)
		if (memcmp(l->ids[i], id, 16) == 0 && is_left(l->c, id)) {
			/* Seen again: to the front. */
			uint8_t other[16];

			memcpy(other, l->ids[l->removed], 16);
			memcpy(l->ids[l->removed++], id, 16);
			memcpy(l->ids[i], other, 16);
			break;
		}
	return !check_must_stop(l->c);
}

static enum err remove_rows(struct db *db, struct check_repair *r)
{
	const struct ledger *l = r->arg;
	enum err e = ERR_OK;

	for (size_t i = 0; i < l->removed && !e; i++)
		e = db_mail_ledger_remove(db, l->ids[i]);
	r->is_done = !e;
	return e;
}

enum err check_ledger(struct checking *c)
{
	struct ledger l = { .c = c };
	bool repaired = false;
	enum err e = check_rest(c);

	if (e || !c->options->is_live)
		return e;
	/* What a restart has left goes with the next delivery, as ever. */
	e = message_ledger_review(c->m, c->options->is_live, c->options->arg);
	if (e)
		return e;
	l.ids = arena_array(&c->scratch, ROWS_MAX, sizeof(*l.ids));
	if (!l.ids)
		return ERR_TEMP;
	e = db_mail_ledger_each(c->db, take_row, &l);
	if (e || !l.count)
		return e == ERR_TEMP && check_must_stop(c) ? ERR_STATE : e;
	if (!wait_a_moment(c))
		return ERR_STATE;
	e = db_mail_ledger_each(c->db, keep_known, &l);
	if (e || !l.removed)
		return e;
	if (c->options->repairs)
		check_write(c, remove_rows, &l, &repaired);
	for (size_t i = 0; i < l.removed; i++)
		check_tell(c, CHECK_LEDGER, repaired, NULL, SPAN(""));
	return ERR_OK;
}
