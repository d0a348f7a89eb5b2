/* ops/doctor.h: consistency checks of accounts: one that somebody asks for, and one a night, of the account whose last check is longest ago.
 *
 * The night's begins between 2 and 4 o'clock local time, at a random minute, on a thread of the lowest priority; while the machine is busy it waits, until 5.
 * It repairs what is derived. Whoever asks for a check ends it; its account then waits for
 * its next turn.
 */
#ifndef POSTROOM_OPS_DOCTOR_H
#define POSTROOM_OPS_DOCTOR_H

#include "daemon/base/span.h"

struct directory;
struct doctor;
struct events;
struct queue;
struct store;

struct doctor_config {
	struct directory *directory;
	struct store *store;
	struct queue *queue;                   /* null: the daemon is down */
	const char *queue_path;                /* then: queue.db */
	struct events *events;                 /* may be null */
	bool has_nights;                       /* with the thread */
	int64_t (*next_night)(int64_t now_ms); /* unix, of both; null: as above */
};
enum err doctor_new(const struct doctor_config *config, struct doctor **out, struct note *why) MUST_CHECK;
/* What runs ends within moments, and nothing is begun any more. */
void doctor_stop(struct doctor *d);
void doctor_free(struct doctor **d);

struct doctor_result {
	uint64_t messages, faults, repaired; /* faults without garbage */
	uint64_t garbage;
	bool is_whole, is_renewed;
	struct note words; /* "2 faults, 1 repaired: counters, file_missing" */
};
struct doctor_wish {
	bool repairs;  /* what is derived is made again */
	bool restored; /* the files are an older copy: first the account is renewed (store/renew.h) */
};
/* Blocks until it is through, or `stop` said so (ERR_STATE; what was found is kept, too). ERR_NOT_FOUND: the account has no mailbox yet, which is no fault.
 * The result stands in control.db (account_check); faults raise EVENT_ACCOUNT_DAMAGED. */
enum err doctor_check(struct doctor *d, uint64_t account_id, struct doctor_wish wish, bool (*stop)(void *arg), void *arg, struct doctor_result *out, struct note *why) MUST_CHECK;

#endif
