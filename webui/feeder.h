/* webui/feeder.h: one thread that wakes what sleeps inside the library: answers held back for a while, and all the answers without an end
 * (server-sent events); internal to webui/.
 */
#ifndef POSTROOM_WEBUI_FEEDER_H
#define POSTROOM_WEBUI_FEEDER_H

#include "daemon/base/span.h"

#define FEEDER_MAX_STREAMS 500
#define FEEDER_MAX_PER_CALLER 20
#define FEEDER_PENDING_MAX (64u * 1024u) /* what a watcher has not taken yet; if it takes nothing for a heartbeat, it is let go */

struct MHD_Connection;
struct MHD_Response;
struct api_stream;
struct feeder;

enum err feeder_start(struct feeder **out) MUST_CHECK;

struct delayed {
	struct delayed *next; /* of the feeder */
	int64_t due_ms;
	struct MHD_Connection *connection;
};
/* Resumes the suspended connection after so long, or when the end comes. */
void feeder_delay(struct feeder *f, struct delayed *d, int64_t ms);

/* A response that says what the stream says. Takes *stream, also on error. `caller` and `link` say whose it is. Called where the library
 * is. ERR_LIMIT: this caller has too many; ERR_TEMP: too many in all, or the end has come. */
enum err feeder_stream(struct feeder *f, struct api_stream **stream, uint64_t caller, uint64_t link, struct MHD_Connection *connection, struct MHD_Response **out) MUST_CHECK;
/* Nobody listens there any more. */
void feeder_gone(struct feeder *f, uint64_t link);
/* Ends every stream and every delay now; none begins any more. */
void feeder_end(struct feeder *f);
/* After the library has stopped. */
void feeder_stop(struct feeder **f);

#endif
