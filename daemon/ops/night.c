/* ops/night.c: when a night's work begins: local time, as the machine has it. */
#include "daemon/ops/night.h"

#include <time.h>

#include "daemon/base/rng.h"

#define NIGHT_FROM 2 /* o'clock */
#define NIGHT_MINUTES 120

int64_t night_next(int64_t now_ms)
{
	time_t now = (time_t)(now_ms / 1000), at;
	struct tm local;

	if (!localtime_r(&now, &local))
		return now_ms + INT64_C(86400000);
	local.tm_hour = NIGHT_FROM;
	local.tm_min = (int)(rng_u64() % NIGHT_MINUTES);
	local.tm_sec = 0;
	local.tm_isdst = -1;
	at = mktime(&local);
	if (at <= now) {
		local.tm_mday++;
		local.tm_isdst = -1;
		at = mktime(&local);
	}
	return (int64_t)at * 1000;
}
