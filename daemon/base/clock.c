/* base/clock.c: the system's clocks, and one for tests. */
#include "daemon/base/clock.h"

#include <stdatomic.h>
#include <stddef.h>
#include <time.h>

#define FAKE_REAL_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define FAKE_MONO_MS INT64_C(1000000)

static int64_t system_real_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const struct clock_source clock_system = { system_real_ms, system_mono_us };
static const struct clock_source *current = &clock_system;

int64_t clock_real_ms(void)
{
	return current->real_ms();
}

int64_t clock_mono_ms(void)
{
	return current->mono_us() / 1000;
}

int64_t clock_mono_us(void)
{
	return current->mono_us();
}

void clock_set_source(const struct clock_source *source)
{
	current = source ? source : &clock_system;
}

static _Atomic int64_t fake_real_ms = FAKE_REAL_MS;
static _Atomic int64_t fake_mono_ms = FAKE_MONO_MS;

static int64_t fake_real(void)
{
	return atomic_load(&fake_real_ms);
}

static int64_t fake_mono(void)
{
	return atomic_load(&fake_mono_ms) * 1000;
}

const struct clock_source clock_fake = { fake_real, fake_mono };

void clock_fake_advance_ms(int64_t ms)
{
	atomic_fetch_add(&fake_real_ms, ms);
	atomic_fetch_add(&fake_mono_ms, ms);
}

void clock_fake_set_real_ms(int64_t real_ms)
{
	atomic_store(&fake_real_ms, real_ms);
}
