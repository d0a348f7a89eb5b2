/* ops/webhook_rows.h: webhooks and their deliveries as rows of control.db: made, changed, looked at. Each change joins the open batch of its thread. */
#ifndef POSTROOM_OPS_WEBHOOK_ROWS_H
#define POSTROOM_OPS_WEBHOOK_ROWS_H

#include "daemon/base/arena.h"
#include "daemon/base/buf.h"

struct directory;

#define WEBHOOKS_MAX 50
#define WEBHOOK_TYPES_MAX 30
#define WEBHOOK_SECRET_BYTES 32

struct webhook {
	uint64_t id;
	struct span url;
	const struct span *types; /* patterns */
	size_t type_count;
	bool enabled, failing, has_old_secret;
	int64_t created_ms;
	uint64_t last_event;    /* of those that were made into deliveries */
	struct span secrets[2]; /* only with WEBHOOK_SECRETS: raw; the newest first */
};

enum webhook_look { WEBHOOK_PLAIN,
		    WEBHOOK_SECRETS };
/* By id. */
enum err webhook_list(struct directory *d, enum webhook_look look, struct arena *a, struct webhook **out, size_t *count_out) MUST_CHECK;
/* ERR_NOT_FOUND. */
enum err webhook_find(struct directory *d, uint64_t id, struct arena *a, struct webhook *out) MUST_CHECK;

/* `spec`: url, types, enabled. Events behind `last_event` are sent. The secret, "whsec_" and base64, goes to `secret`.
 * ERR_SYNTAX: URL or a type; ERR_DENIED: a private address; ERR_LIMIT. */
enum err webhook_add(struct directory *d, const struct webhook *spec, uint64_t last_event, uint64_t *id_out, struct buf *secret, struct note *why) MUST_CHECK;
/* One that was not enabled and is now begins behind `last_event`. */
enum err webhook_set(struct directory *d, const struct webhook *spec, uint64_t last_event, struct note *why) MUST_CHECK;
enum err webhook_rotate(struct directory *d, uint64_t id, struct buf *secret) MUST_CHECK;
enum err webhook_remove(struct directory *d, uint64_t id) MUST_CHECK;

enum delivery_state { DELIVERY_WAITING,
		      DELIVERY_DONE,
		      DELIVERY_GIVEN_UP };
struct delivery {
	uint64_t id, event;
	struct span subject, type, last_error;
	enum delivery_state state;
	unsigned attempts;
	int64_t next_ms, last_ms;
	int last_status; /* 0: there was no answer */
};
/* The newest first, below `before_id`; state -1: any. */
enum err delivery_list(struct directory *d, uint64_t webhook, int state, uint64_t before_id, size_t limit, struct arena *a, struct delivery **out, size_t *count_out) MUST_CHECK;
enum err delivery_find(struct directory *d, uint64_t webhook, uint64_t id, struct arena *a, struct delivery *out) MUST_CHECK;
enum err delivery_again(struct directory *d, uint64_t webhook, uint64_t id) MUST_CHECK;
/* A delivery of its own, of an event that only this webhook sees. */
enum err delivery_test(struct directory *d, uint64_t webhook, uint64_t event_id, uint64_t *id_out) MUST_CHECK;

#endif
