/* ops/night.h: when a night's work begins. */
#ifndef POSTROOM_OPS_NIGHT_H
#define POSTROOM_OPS_NIGHT_H

#include <stdint.h>

/* The next random minute between 2 and 4 o'clock local time; unix, both. */
int64_t night_next(int64_t now_ms);

#endif
