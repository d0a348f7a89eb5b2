/* net/wheel.h: a timer wheel with one-second ticks under one timerfd that is off while nothing is due (internal to net).
 *
 * An entry fires once, never early by more than the wheel's span: who wants to wait longer looks at the clock and sets it again.
 */
#ifndef POSTROOM_NET_WHEEL_H
#define POSTROOM_NET_WHEEL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/base/err.h"

#define WHEEL_BUCKETS 512u

enum wheel_kind { WHEEL_CONN,
		  WHEEL_ANSWER,
		  WHEEL_PORT };

struct wheel_entry {
	struct wheel_entry *prev, *next; /* null: not in the wheel */
	int64_t tick;
	uint64_t key; /* handed back; set before the entry enters */
	enum wheel_kind kind;
};

struct wheel {
	pthread_mutex_t lock; /* guards all below, and the entries that are in the wheel */
	struct wheel_entry heads[WHEEL_BUCKETS];
	size_t count;
	int64_t now_tick;   /* all up to here has been looked at */
	int64_t armed_tick; /* of the timerfd; 0: off */
	int timer_fd;
};

/* What was due. Of a WHEEL_CONN only the key may be used: its connection may be gone. */
struct wheel_due {
	struct wheel_entry *entry;
	uint64_t key;
	enum wheel_kind kind;
};

enum err wheel_init(struct wheel *w, struct note *why) MUST_CHECK;
void wheel_clear(struct wheel *w);
/* Enters, or moves an entry that is in. Rounded up to a whole second. */
void wheel_set(struct wheel *w, struct wheel_entry *e, int64_t due_ms);
void wheel_cancel(struct wheel *w, struct wheel_entry *e);
/* Takes out at most `max` due entries; 0: none is left, and the timer is armed for the next. */
size_t wheel_take_due(struct wheel *w, struct wheel_due *out, size_t max);
/* Takes out any entry of the kind, for the end; null when there is none. */
struct wheel_entry *wheel_take_any(struct wheel *w, enum wheel_kind kind);

#endif
