/* store/check.h: does an account keep its own rules? All faults of one, found beside whoever uses it; what is derived is made again.
 *
 * Reading goes in slices of a few milliseconds, each a snapshot of its own, with rests between. What a slice says of rows is true of its moment; what it
 * says of files, and of the ledger, is asked again before it is called wrong. A repair is a write that looks for itself whether it is still needed. What
 * is not derived (a missing body, a damaged page) is told and never touched.
 */
#ifndef POSTROOM_STORE_CHECK_H
#define POSTROOM_STORE_CHECK_H

#include "daemon/store/check_report.h"
#include "daemon/store/store.h"

struct check_options {
	bool repairs;
	bool is_gentle; /* rests between slices */
	bool (*stop)(void *arg);
	bool (*is_live)(void *arg, const uint8_t queue_id[16]); /* does the queue know it? Null: the ledger is not looked at */
	void *arg;                                              /* of both */
};
/* One check of an account at a time is the caller's duty. ERR_STATE: it was told to stop, or the account is being removed; the report says what was found
 * until then. Faults are no error. */
enum err store_check_account(struct mailstore *m, const struct check_options *options, struct check_report *report, struct note *why) MUST_CHECK;

/* For tests and restores, while nobody writes: rows, counters and files. ERR_CORRUPT: the first fault stands in `why`. */
enum err store_check(struct mailstore *m, struct note *why) MUST_CHECK;

#endif
