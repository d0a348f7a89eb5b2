/* cli/watch.h: events, kept ones and as they happen; internal to cli/. */
#ifndef POSTROOM_CLI_WATCH_H
#define POSTROOM_CLI_WATCH_H

#include "daemon/cli/ask.h"
#include "daemon/cli/sse.h"

/* postroom events: those that are kept; with -f follows until it is interrupted. At most --limit are shown. */
int run_watch(struct arguments *a);

/* Reads the stream of these types, from behind the event `after` (null: from now on), connecting anew when it breaks. Ends when on_event
 * says stop: EX_OK; when the API refuses; and, unless it `follows`, behind what there is. */
int watch_read(const struct arguments *a, const struct target *t, const char *types, const char *after, bool follows, bool (*on_event)(void *arg, const struct sse_event *e), void *arg);

#endif
