/* store/check_turn.h: what all parts of a check share: its handle, its rests, its writes, what it tells. For store/check*.c only. */
#ifndef POSTROOM_STORE_CHECK_TURN_H
#define POSTROOM_STORE_CHECK_TURN_H

#include "daemon/store/check.h"
#include "daemon/store/mailstore.h"
#include "db/mail_repair.h"

struct checking {
	struct mailstore *m;
	struct db *db; /* a reader */
	const struct check_options *options;
	struct check_report *report;
	struct arena scratch; /* of one slice, or one message */
	int64_t slice_us;     /* when it began */
	bool content_ahead;   /* a content id was met that was not given yet */
};

bool check_must_stop(const struct checking *c);
/* Ends a slice. ERR_STATE: enough. */
enum err check_rest(struct checking *c) MUST_CHECK;

/* A write that repairs. *done_out: `run` said that something was wrong and is right now; false also when the write failed. */
struct check_repair {
	struct checking *c;
	enum err (*run)(struct db *db, struct check_repair *r);
	const void *arg;
	bool is_done;
};
void check_write(struct checking *c, enum err (*run)(struct db *db, struct check_repair *r), const void *arg, bool *done_out);

/* `where` may be null; `detail` is for people, may be empty. */
void check_tell(struct checking *c, int fault, bool is_repaired, const struct mail_where *where, struct span detail);
/* The same of a content: looks where it stands. */
void check_tell_content(struct checking *c, int fault, bool is_repaired, uint64_t content, struct span detail);

#endif
