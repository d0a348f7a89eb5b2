/* base/timing.h: how long things took, as histograms; relaxed atomics, read by /metrics. */
#ifndef POSTROOM_BASE_TIMING_H
#define POSTROOM_BASE_TIMING_H

#include <stdbool.h>
#include <stdint.h>

#define TIMING_BUCKETS 12

/* From acceptance to mailbox or remote. */
void timing_delivered(bool remote, int64_t took_ms);
/* `route`: static text, "" for none of ours. At most TIMING_ROUTES pairs are kept apart; what comes later is counted as route "other". */
void timing_request(const char *route, int status, int64_t took_us);
#define TIMING_ROUTES 768

struct timing {
	const char *route; /* of a request; "mailbox", "remote" of a delivery */
	int status;
	uint64_t buckets[TIMING_BUCKETS]; /* each for itself: the reader adds up */
	uint64_t count;
	double sum_s;
};
/* The upper bounds in seconds; what is longer is in no bucket. */
extern const double timing_request_bounds[TIMING_BUCKETS], timing_delivery_bounds[TIMING_BUCKETS];

/* Each that was ever used; `at` from 0. False: no more. */
bool timing_delivery(unsigned at, struct timing *out);
bool timing_request_at(unsigned at, struct timing *out);

#endif
