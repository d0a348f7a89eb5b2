/* api/probes.h: probes of other servers: few at a time, each on a thread of its own, the call parked meanwhile. Internal to api/, but for its life,
 * which is main's.
 *
 *   call_probe --thread--> RUNNING --relay_probe--> DONE: the call goes on
 *                             +--probes_stop------> the call goes on without a result; the thread ends by itself, soon after relay_cancel()
 */
#ifndef POSTROOM_API_PROBES_H
#define POSTROOM_API_PROBES_H

#include "daemon/relay/probe.h"

struct api_call;
struct directory;
struct probes;

#define PROBES_MAX 4 /* at a time */

enum err probes_new(struct directory *d, struct relay *r, struct probes **out, struct note *why) MUST_CHECK;
/* Before the web server stops: calls that wait are answered. New ones are refused. */
void probes_stop(struct probes *p);
/* Behind relay_cancel(): waits for the threads. */
void probes_free(struct probes **p);

/* Asks for mail to that address ("local@domain", remote) from `sender`. ERR_OK: the call is parked, and `then` finds the result in probes_result().
 * ERR_LIMIT: too many run. ERR_SYNTAX: not an address. ERR_TEMP. */
enum err probes_ask(struct api_call *c, struct span sender, struct span recipient, void (*then)(struct api_call *c)) MUST_CHECK;
/* In `then`. Null: the daemon stops. */
const struct probe *probes_result(const struct api_call *c);
/* The last thing that `then` does with it. */
void probes_done(struct api_call *c);

#endif
