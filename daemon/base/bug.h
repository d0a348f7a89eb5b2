/* base/bug.h: a broken invariant of a session. It logs `bug` and is counted; the session answers 421 or BYE and closes. */
#ifndef POSTROOM_BASE_BUG_H
#define POSTROOM_BASE_BUG_H

/* BUG("smtp", "edge %d to %d"): log, count, call the hook. Returns, so that the caller can close its session. */
void bug_report(const char *file, int line, const char *module, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
#define BUG(module, ...) bug_report(__FILE__, __LINE__, module, __VA_ARGS__)

/* Tests (and POSTROOM_BUG=abort in the daemon) set one that aborts. Before threads start. */
void bug_set_hook(void (*hook)(void));

#endif
