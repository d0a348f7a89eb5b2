/* cli/watch.h: events as they happen; internal to cli/. */
#ifndef POSTROOM_CLI_WATCH_H
#define POSTROOM_CLI_WATCH_H

#include "daemon/cli/ask.h"
#include "daemon/cli/sse.h"

/* postroom events: follows until it is interrupted, or --limit events have come. */
int run_watch(struct arguments *a);

/* Follows the stream of these types, from behind the event `after` (null: from now on), connecting anew when it breaks. Ends when on_event
 * says stop: EX_OK; and when the API refuses. */
int watch_follow(const struct arguments *a, const struct target *t, const char *types, const char *after, bool (*on_event)(void *arg, const struct sse_event *e), void *arg);

#endif
