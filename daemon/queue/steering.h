/* queue/steering.h: what steers the queue as a whole: hold rules, paused destinations, suppressed addresses. Kept in queue.db, in memory while it runs.
 *
 * Blocking on the local disk; durable on return. ERR_NOT_FOUND, ERR_EXISTS, ERR_SYNTAX (`why` says), ERR_LIMIT (too many), ERR_TEMP.
 */
#ifndef POSTROOM_QUEUE_STEERING_H
#define POSTROOM_QUEUE_STEERING_H

#include "daemon/queue/queue.h"

#define HOLD_RULES_MAX 1000
#define PAUSES_MAX 1000
#define SUPPRESSIONS_MAX 1000000

/* A message that fits is held when it is accepted. Patterns: "local@domain", "@domain", or empty for all; not both empty. */
struct hold_rule {
	uint64_t id; /* given by hold_rule_add() */
	struct span sender, recipient, note;
	int64_t created_ms, expires_ms; /* unix; expires 0: never */
	uint64_t matched;               /* recipients it has held; of this run and, each minute, on disk */
};
enum err hold_rule_check(const struct hold_rule *rule, struct note *why) MUST_CHECK; /* ERR_SYNTAX: none that could be added */
enum err hold_rule_add(struct queue *q, const struct hold_rule *rule, uint64_t *id_out, struct note *why) MUST_CHECK;
enum err hold_rule_remove(struct queue *q, uint64_t id) MUST_CHECK; /* what it held stays held */
enum err hold_rules(struct queue *q, struct arena *a, struct hold_rule **out, size_t *count_out) MUST_CHECK;

/* Nothing is sent to that next hop until then. Attempts that run are finished. */
struct queue_pause {
	struct span destination; /* in lower case: "example.net", or "relay.example:587" */
	struct span reason;
	int64_t created_ms, until_ms; /* unix; until 0: until it is ended */
};
enum err queue_pause_check(const struct queue_pause *pause, struct note *why) MUST_CHECK;
enum err queue_pause_set(struct queue *q, const struct queue_pause *pause, struct note *why) MUST_CHECK; /* sets or replaces */
enum err queue_pause_end(struct queue *q, struct span destination) MUST_CHECK;

/* Where mail waits for, is on its way to, or is paused. */
struct queue_destination {
	struct span name;
	bool paused;
	struct queue_pause pause; /* when it is */
	uint64_t messages;        /* parts of messages that are open */
	unsigned active, limit;   /* attempts at once: now, and allowed now */
	unsigned failures;        /* attempts in a row that nobody there answered */
	int64_t held_until_ms;    /* unix: after failures; 0: not */
	int64_t oldest_ms;        /* unix acceptance of the oldest; 0: none */
	struct span last_error;   /* may be empty */
};
/* By name, in the arena. Waits of a FUTURERELEASE count too. */
enum err queue_destinations(struct queue *q, struct arena *a, struct queue_destination **out, size_t *count_out) MUST_CHECK;
enum err queue_destination_find(struct queue *q, struct span name, struct arena *a, struct queue_destination *out) MUST_CHECK;

/* Addresses that failed for good lately: RCPT on submission and routing refuse them at once, with the words of then. */
struct suppression {
	struct span address; /* as it is compared: directory/name.h's key */
	bool by_operator;
	struct span status, reply; /* "5.1.1" or empty; a line */
	uint64_t failures;
	int64_t created_ms, expires_ms; /* unix; expires 0: never */
};
/* ERR_NOT_FOUND: it may be written to. In the arena. Fast: a look into memory first. */
enum err suppression_find(struct queue *q, const struct address *address, struct arena *a, struct suppression *out) MUST_CHECK;
enum err suppression_check(const struct suppression *s, struct note *why) MUST_CHECK;
enum err suppression_set(struct queue *q, const struct suppression *s, struct note *why) MUST_CHECK;
enum err suppression_remove(struct queue *q, struct span address) MUST_CHECK;
/* By address, behind `after` (empty: from the first); `part`: in the address; empty: all. */
enum err suppressions(struct queue *q, struct span part, struct span after, size_t limit, struct arena *a, struct suppression **out, size_t *count_out) MUST_CHECK;

#endif
