/* tests/unit/events/fixture.h: a trace and events on a real directory in a temporary folder. The clock is the fake one. */
#ifndef POSTROOM_TESTS_EVENTS_FIXTURE_H
#define POSTROOM_TESTS_EVENTS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"
#include "daemon/events/trace.h"

struct place {
	char dir[64], control[96], path[96];
	struct seal_key key;
	struct directory *directory;
	struct trace *trace;
	struct events *events;
	struct arena arena;
};

int place_setup(void **state); /* trace and events are open */
int place_teardown(void **state);
void place_open(struct place *p);
void place_close(struct place *p);
void place_pause(void);

#define WAIT_UNTIL(condition)                                      \
	do {                                                       \
		for (int turn_ = 0; !(condition); turn_++) {       \
			if (turn_ > 20000)                         \
				fail_msg("never: %s", #condition); \
			place_pause();                             \
		}                                                  \
	} while (0)

#endif
