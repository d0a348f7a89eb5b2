/* store/renew.c: see the header.
 *
 * (1) A UIDVALIDITY is the second in which it was given, or one more than the last: AHEAD_S past now is more than any that was given in the lost time, unless as many mailboxes
 *     were made in one go. Ids are counted one by one: LOST_IDS is many times what a mailbox gets between two backups.
 * (2) The same copy may be put back twice: how far each leap goes is chance. Contents stay below 2^31 (search.db counts their texts in 32 bits): hundreds of leaps.
 */
#include "daemon/store/renew.h"

#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/rng.h"
#include "daemon/store/mailbox.h"
#include "daemon/store/notice.h"
#include "daemon/store/state.h"
#include "db/mail_account.h"
#include "db/mail_mailbox.h"
#include "db/mail_url_key.h"

#define AHEAD_S (1u << 20)
#define LOST_IDS (UINT64_C(1) << 20)
#define CHANCE_IDS (UINT64_C(1) << 22)
#define LOST_MODSEQS (UINT64_C(1) << 32)
#define CHANCE_MODSEQS (UINT64_C(1) << 40)
#define WRITE_WEIGHT (1u << 20)

struct renewal {
	uint64_t ids[MAILBOX_COUNT_MAX];
	size_t count;
	uint64_t modseq;
};

static bool add_mailbox(void *arg, const struct db_mailbox *row)
{
	struct renewal *r = arg;

	if (r->count == MAILBOX_COUNT_MAX)
		return false;
	r->ids[r->count++] = row->id;
	return true;
}

static enum err run_renew(struct db *db, void *arg)
{
	const uint32_t floor = (uint32_t)(clock_real_ms() / 1000) + AHEAD_S + (uint32_t)rng_below(AHEAD_S);
	struct renewal *r = arg;
	enum err e;

	r->count = 0; /* it may have to be run again */
	e = db_mail_leap(db, LOST_MODSEQS + rng_below(CHANCE_MODSEQS), LOST_IDS + rng_below(CHANCE_IDS), &r->modseq);
	if (!e)
		e = db_url_key_remove(db, 0);
	if (!e)
		e = db_mailbox_each(db, add_mailbox, r);
	for (size_t i = 0; !e && i < r->count; i++) {
		uint32_t uid_validity;

		e = db_mail_allot_uid_validity(db, floor, &uid_validity);
		if (!e)
			e = db_mailbox_renew(db, r->ids[i], uid_validity, r->modseq);
	}
	return e;
}

enum err store_renew(struct mailstore *m)
{
	struct renewal *r = malloc(sizeof(*r));
	enum err e = r ? mailstore_write(m, run_renew, r, WRITE_WEIGHT) : ERR_TEMP;

	if (!e) {
		pthread_mutex_lock(&m->lock);
		m->open_modseq = r->modseq; /* of states that are made from now on */
		pthread_mutex_unlock(&m->lock);
	}
	for (size_t i = 0; !e && i < r->count; i++) {
		state_gone(m, r->ids[i]);
		notice_changed(m, r->ids[i], CHANGE_NEW | CHANGE_EXPUNGED, 0);
	}
	free(r);
	return e;
}
