/* events/events.h: what happens, as a closed list of types: a ring of the last hours for watchers and webhooks.
 *
 * Raising costs a lock and a copy, never a wait; of what strangers cause (rejected messages, failed logins) 100 a second are taken, 2,000 at
 * once. Memory holds 4 MiB of them, trace.db 64 MiB: in a rush that is less than the hours. What is left out is counted and logged.
 * Each second what is new goes to trace.db, so that numbers go on after a restart and
 * a watcher who comes back finds all of SETTING_EVENT_HOURS.
 */
#ifndef POSTROOM_EVENTS_EVENTS_H
#define POSTROOM_EVENTS_EVENTS_H

#include "daemon/base/arena.h"

struct checkpointer;
struct directory;
struct events;
struct trace;

enum event_type {
	EVENT_DAEMON_STARTED,
	EVENT_DAEMON_STOPPING,
	EVENT_MESSAGE_RECEIVED, /* accepted on mx */
	EVENT_MESSAGE_SUBMITTED,
	EVENT_MESSAGE_DELIVERED, /* one recipient: into a mailbox, or taken by the next server */
	EVENT_MESSAGE_DEFERRED,
	EVENT_MESSAGE_BOUNCED,
	EVENT_MESSAGE_REJECTED, /* refused at the door */
	EVENT_QUEUE_CHANGED,    /* steered by hand: retry, removal */
	EVENT_LOGIN_SUCCEEDED,  /* on the web */
	EVENT_LOGIN_FAILED,
	EVENT_LOGIN_REFUSED, /* an account or a network is refused from now on */
	EVENT_LOGIN_NEW_DEVICE,
	EVENT_DOMAIN_CHANGED,
	EVENT_USER_CHANGED,
	EVENT_ALIAS_CHANGED,
	EVENT_RELAY_CHANGED,
	EVENT_SETTING_CHANGED,
	EVENT_CERTIFICATE_CHANGED,
	EVENT_ADMIN_CHANGED,
	EVENT_TOKEN_CHANGED,
	EVENT_WEBHOOK_CHANGED,
	EVENT_JOB_CHANGED, /* progress, at most once a second for a job */
	EVENT_WEBHOOK_FAILING,
	EVENT_SENDING_STOPPED, /* the breaker, or somebody, has stopped an account */
	EVENT_SENDING_RELEASED,
	EVENT_MESSAGE_HELD,
	EVENT_DESTINATION_CHANGED, /* paused, or no longer */
	EVENT_SUPPRESSION_CHANGED,
	EVENT_HOLD_RULE_CHANGED,
	EVENT_TLS_RULE_CHANGED,
	EVENT_ACCOUNT_DAMAGED, /* a check of its mailboxes found faults */
	EVENT_GRANT_CHANGED,
	EVENT_COUNT
};
const char *event_name(enum event_type type); /* "message.received" */

#define EVENT_FIELDS_MAX 8
#define EVENT_BYTES_MAX 2048 /* of all values; longer ones are cut */

struct event_field {
	const char *name; /* static */
	struct span value;
};
struct event {
	uint64_t id;   /* grows by one, also over restarts; given by events_raise() */
	int64_t at_ms; /* unix; given too */
	enum event_type type;
	struct span subject; /* what it is about: a message's id, an address, a domain, "job_17" */
	struct span domain;  /* of ours, that a domain admin must have been granted to see it; empty: for those who see all */
	struct event_field fields[EVENT_FIELDS_MAX];
	size_t field_count;
};

struct events_config {
	struct trace *trace; /* keeps them; null (tests): memory only */
	struct directory *directory;
};
enum err events_new(const struct events_config *config, struct events **out, struct note *why) MUST_CHECK;
void events_free(struct events **e);

/* Copies. From any thread, also with locks held. A null `e` is allowed: nothing happens. */
void events_raise(struct events *e, const struct event *event);
uint64_t events_last_id(struct events *e);
uint64_t events_dropped(struct events *e); /* since the start */
/* Those after `after_id`, oldest first, until `each` returns false or `max` were seen. Spans live during the call; no lock is held in it.
 * *lost_out: older ones than are kept were asked for. */
enum err events_read(struct events *e, uint64_t after_id, size_t max, bool (*each)(void *arg, const struct event *event), void *arg, bool *lost_out) MUST_CHECK;

/* news() is called when there is something new, at most ten times a second, on a thread of events: it must not block. */
struct events_watch;
enum err events_watch(struct events *e, void (*news)(void *arg), void *arg, struct events_watch **out) MUST_CHECK;
void events_unwatch(struct events *e, struct events_watch **w); /* news() does not run when this returns */

#endif
