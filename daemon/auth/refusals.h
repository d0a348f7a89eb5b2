/* auth/refusals.h: whom the throttle refuses now: to be seen and cleared. How it counts is in throttle.h. */
#ifndef POSTROOM_AUTH_REFUSALS_H
#define POSTROOM_AUTH_REFUSALS_H

#include "daemon/auth/auth.h"
#include "daemon/base/arena.h"

struct refusal {
	struct span subject; /* "account:17", "network:192.0.2.0/24", "account:17@192.0.2.0/24" */
	uint64_t account_id; /* 0: a network */
	unsigned failures;
	int64_t until_ms; /* unix; 0: delayed, not refused */
};
/* At most `max`, the longest first. */
enum err refusals_list(struct auth *a, size_t max, struct arena *arena, struct refusal **out, size_t *count_out) MUST_CHECK;
/* An account's: also what is counted of it from single networks. At once, whatever becomes of an open batch. ERR_NOT_FOUND. */
enum err refusals_clear(struct auth *a, struct span subject) MUST_CHECK;
/* For auth_new(): those that outlived the restart. */
void refusals_load(struct auth *a);

/* Networks from which an account has logged in, newest first. */
struct known_device {
	struct span network;
	int64_t first_ms, seen_ms;
	unsigned protocols;
};
enum err known_devices_list(struct auth *a, uint64_t account_id, struct arena *arena, struct known_device **out, size_t *count_out) MUST_CHECK;

#endif
