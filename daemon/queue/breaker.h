/* queue/breaker.h: does an account send as a stolen one does? A pure function. */
#ifndef POSTROOM_QUEUE_BREAKER_H
#define POSTROOM_QUEUE_BREAKER_H

#include "daemon/base/span.h"

struct breaker_facts {
	uint64_t hour, hour_new;          /* recipients of the last 60 minutes, and of them written to for the first time */
	uint64_t day, day_new;            /* of 24 hours */
	uint64_t failed, failed_of;       /* for good, of the messages of the last two hours or so, and all recipients of those */
	uint64_t peak_hour, peak_new_day; /* the most of an hour, and first-time recipients of a day, in the four weeks before */
	int64_t limit_hour, limit_new;    /* what an hour and a day may have; 0: no limit */
	bool own_limits;                  /* an administrator has said for this account what it may send */
};

/* The reason, a word of those in sending.h, and words with the numbers; null: all is well. */
const char *breaker_judge(const struct breaker_facts *f, char *detail, size_t room);

#endif
