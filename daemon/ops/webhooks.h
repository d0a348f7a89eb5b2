/* ops/webhooks.h: events on their way to other people's programs: at least once, in order for each subject.
 *
 * Each event that a webhook asked for becomes a row of control.db; a row is tried until a 2xx comes, for about 32 hours with growing pauses (1 min to
 * 16 h), then given up. Finished ones are the log of deliveries: 30 days, at most 10,000 of a webhook. A webhook with 10,000 waiting gets no more
 * until it catches up; what the ring of events no longer has by then is lost to it, and that is said (webhook.failing).
 * At most 4 requests at once of a webhook: a slow receiver holds up nobody else.
 */
#ifndef POSTROOM_OPS_WEBHOOKS_H
#define POSTROOM_OPS_WEBHOOKS_H

#include "daemon/base/span.h"

struct directory;
struct events;
struct webhooks;

struct webhooks_config {
	struct directory *directory;
	struct events *events;
	const char *ca_file; /* null: the system's */
};
enum err webhooks_new(const struct webhooks_config *config, struct webhooks **out, struct note *why) MUST_CHECK;
void webhooks_free(struct webhooks **w); /* what is under way is tried again after the next start */

/* Rows were changed (webhooks or deliveries), or time was: look anew. Null is allowed. */
void webhooks_kick(struct webhooks *w);

#endif
