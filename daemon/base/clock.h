/* base/clock.h: the time, real and monotonic, in milliseconds. Tests put a fake one in. */
#ifndef POSTROOM_BASE_CLOCK_H
#define POSTROOM_BASE_CLOCK_H

#include <stdint.h>

/* Times that decide (retries, deadlines) are taken from mono; what people read is real (unix ms). */
int64_t clock_real_ms(void);
int64_t clock_mono_ms(void);
int64_t clock_mono_us(void); /* for measuring */

struct clock_source {
	int64_t (*real_ms)(void);
	int64_t (*mono_us)(void);
};

/* Before threads start only. Null: the system's clocks again. */
void clock_set_source(const struct clock_source *source);

/* A settable clock for tests: starts at 2026-01-01T00:00:00Z real, 1,000,000 ms mono, and moves only when told. Thread-safe. */
extern const struct clock_source clock_fake;
void clock_fake_advance_ms(int64_t ms);
void clock_fake_set_real_ms(int64_t real_ms); /* a stepped wall clock: mono stays */

#endif
