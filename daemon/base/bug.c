/* base/bug.c: a broken invariant is said, counted, and survived by everyone else. */
#include "daemon/base/bug.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/base/counter.h"
#include "daemon/base/log.h"

static void (*_Atomic bug_hook)(void);

void bug_report(const char *file, int line, const char *module, const char *format, ...)
{
	void (*hook)(void) = atomic_load(&bug_hook);
	char what[200];
	va_list args;

	va_start(args, format);
	if (vsnprintf(what, sizeof what, format, args) < 0)
		what[0] = '\0';
	va_end(args);
	log_event(LOG_ERROR, module, "bug", "at=%s:%d what=%s", file, line, log_quote(span_str(what)).text);
	counter_add(COUNTER_BUGS, 1);
	if (hook)
		hook();
}

void bug_set_hook(void (*hook)(void))
{
	atomic_store(&bug_hook, hook);
}
