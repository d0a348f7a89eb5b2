/* ops/webhook_rows.c: rows as values; secrets are sealed under the data key, each bound to its webhook. */
#include "daemon/ops/webhook_rows.h"

#include <stdio.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/log.h"
#include "daemon/base/rng.h"
#include "daemon/directory/setting.h"
#include "daemon/net/fetch.h"
#include "daemon/ops/event_json.h"
#include "db/control_webhook.h"

#define SEALED_MAX 256u
#define TYPES_TEXT_MAX 4096u
#define CONTEXT_MAX 40u

static struct span context_of(uint64_t id, char out[CONTEXT_MAX])
{
	(void)snprintf(out, CONTEXT_MAX, "webhook:%llu", (unsigned long long)id);
	return span_str(out);
}

/* ---- looking ---- */

struct listing {
	struct arena *a;
	struct webhook *list;
	size_t count;
	uint64_t only; /* 0: all */
};

static void read_types(struct arena *a, struct span text, struct webhook *out)
{
	struct span *types = arena_array(a, WEBHOOK_TYPES_MAX, sizeof(*types)), rest = arena_copy(a, text), word;

	while (types && out->type_count < WEBHOOK_TYPES_MAX && span_split(&rest, ' ', &word))
		if (word.len)
			types[out->type_count++] = word;
	out->types = types;
}

static enum err add_row(void *arg, const struct db_webhook *row)
{
	struct listing *l = arg;
	struct webhook *w = &l->list[l->count];

	if (l->only && row->id != l->only)
		return ERR_OK;
	*w = (struct webhook){
		.id = row->id,
		.url = arena_copy(l->a, row->url),
		.enabled = row->enabled,
		.failing = row->failing,
		.has_old_secret = row->old_secret_sealed.len > 0,
		.created_ms = row->created_ms,
		.last_event = row->last_event,
		.secrets = { arena_copy(l->a, row->secret_sealed), arena_copy(l->a, row->old_secret_sealed) },
	};
	read_types(l->a, row->types, w);
	l->count++;
	return ERR_OK;
}

static enum err read_rows(struct db *db, void *arg)
{
	const struct listing *l = arg;

	return db_webhook_each(db, l->only ? l->only - 1 : 0, l->only ? 1 : WEBHOOKS_MAX, add_row, arg);
}

static enum err open_secret(struct directory *d, struct arena *a, uint64_t id, struct span *secret)
{
	char context[CONTEXT_MAX];
	struct buf plain;
	enum err e;

	if (!secret->len)
		return ERR_OK;
	buf_init(&plain, SEALED_MAX);
	e = directory_unseal(d, context_of(id, context), *secret, &plain);
	*secret = e ? SPAN("") : arena_copy(a, buf_span(&plain));
	buf_wipe(&plain);
	return e;
}

enum err webhook_list(struct directory *d, enum webhook_look look, struct arena *a, struct webhook **out, size_t *count_out)
{
	struct listing l = { .a = a, .list = arena_array(a, WEBHOOKS_MAX, sizeof(struct webhook)) };
	enum err e = l.list ? directory_read(d, read_rows, &l) : ERR_LIMIT;

	for (size_t i = 0; !e && i < l.count; i++) {
		for (size_t k = 0; k < 2; k++) {
			if (look == WEBHOOK_PLAIN)
				l.list[i].secrets[k] = SPAN("");
			else if (!e)
				e = open_secret(d, a, l.list[i].id, &l.list[i].secrets[k]);
		}
	}
	*out = l.list;
	*count_out = e ? 0 : l.count;
	return e ? e : a->failed ? ERR_LIMIT
				 : ERR_OK;
}

enum err webhook_find(struct directory *d, uint64_t id, struct arena *a, struct webhook *out)
{
	struct listing l = { .a = a, .list = out, .only = id };
	enum err e = id ? directory_read(d, read_rows, &l) : ERR_NOT_FOUND;

	if (e)
		return e;
	out->secrets[0] = out->secrets[1] = SPAN("");
	return l.count ? ERR_OK : ERR_NOT_FOUND;
}

/* ---- changing ---- */

static enum err check_url(struct directory *d, struct span url, struct note *why)
{
	const struct snapshot *s = directory_hold(d);
	bool anywhere = snapshot_number(s, SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES) != 0;
	struct net_addr host;
	enum err e = fetch_check_url(url, true, &host, why);

	snapshot_release(&s);
	if (e || anywhere || host.family == NET_NONE || net_is_public(&host))
		return e;
	note_set(why, "%s is a private address, and the setting webhooks_to_private_addresses is off", net_ip_text(&host).text);
	return ERR_DENIED;
}

static enum err write_types(const struct webhook *spec, struct buf *out, struct note *why)
{
	if (spec->type_count == 0 || spec->type_count > WEBHOOK_TYPES_MAX) {
		note_set(why, "one to %d types", WEBHOOK_TYPES_MAX);
		return ERR_SYNTAX;
	}
	for (size_t i = 0; i < spec->type_count; i++) {
		if (!event_pattern_is_known(spec->types[i])) {
			note_set(why, "there are no events of the type %s", log_quote(spec->types[i]).text);
			return ERR_SYNTAX;
		}
		if (i)
			buf_add_char(out, ' ');
		buf_add(out, spec->types[i]);
	}
	return out->failed ? ERR_LIMIT : ERR_OK;
}

struct writing {
	struct directory *d;
	const struct webhook *spec;
	struct span types;
	uint64_t id, last_event;
	bool starts; /* enabled from now on */
	uint8_t secret[WEBHOOK_SECRET_BYTES];
	struct span old_sealed;
};

static enum err seal_secret(const struct writing *w, struct buf *sealed)
{
	char context[CONTEXT_MAX];

	return directory_seal(w->d, context_of(w->id, context), span_make((const char *)w->secret, sizeof(w->secret)), sealed);
}

static enum err run_secret(struct db *db, void *arg)
{
	const struct writing *w = arg;
	struct buf sealed;
	enum err e;

	buf_init(&sealed, SEALED_MAX);
	e = seal_secret(w, &sealed);
	if (!e)
		e = db_webhook_set_secrets(db, w->id, buf_span(&sealed), w->old_sealed);
	buf_clear(&sealed);
	return e;
}

static enum err run_add(struct db *db, void *arg)
{
	struct writing *w = arg;
	const struct db_webhook row = { .url = w->spec->url, .types = w->types, .enabled = w->spec->enabled, .created_ms = clock_real_ms(), .last_event = w->last_event };
	enum err e = db_webhook_add(db, &row, WEBHOOKS_MAX, &w->id);

	return e ? e : run_secret(db, w);
}

static void show_secret(const struct writing *w, struct buf *out)
{
	buf_add_str(out, "whsec_");
	base64_encode(span_make((const char *)w->secret, sizeof(w->secret)), out);
}

enum err webhook_add(struct directory *d, const struct webhook *spec, uint64_t last_event, uint64_t *id_out, struct buf *secret, struct note *why)
{
	struct writing w = { .d = d, .spec = spec, .last_event = last_event };
	struct buf types;
	enum err e = check_url(d, spec->url, why);

	buf_init(&types, TYPES_TEXT_MAX);
	if (!e)
		e = write_types(spec, &types, why);
	w.types = buf_span(&types);
	rng_bytes(w.secret, sizeof(w.secret));
	if (!e)
		e = directory_write(d, run_add, &w, why);
	if (e == ERR_LIMIT)
		note_set(why, "at most %d webhooks", WEBHOOKS_MAX);
	if (!e)
		show_secret(&w, secret);
	explicit_bzero(w.secret, sizeof(w.secret));
	buf_clear(&types);
	*id_out = w.id;
	return e;
}

static enum err run_set(struct db *db, void *arg)
{
	const struct writing *w = arg;
	enum err e = db_webhook_set(db, w->spec->id, w->spec->url, w->types, w->spec->enabled);

	if (!e && w->starts)
		e = db_webhook_set_last_event(db, w->spec->id, w->last_event);
	return e;
}

enum err webhook_set(struct directory *d, const struct webhook *spec, uint64_t last_event, struct note *why)
{
	struct writing w = { .d = d, .spec = spec, .last_event = last_event };
	struct webhook before;
	struct arena a;
	struct buf types;
	enum err e;

	arena_init(&a, 1u << 20);
	buf_init(&types, TYPES_TEXT_MAX);
	e = webhook_find(d, spec->id, &a, &before);
	if (!e) {
		w.starts = spec->enabled && !before.enabled;
		e = check_url(d, spec->url, why);
	}
	if (!e)
		e = write_types(spec, &types, why);
	w.types = buf_span(&types);
	if (!e)
		e = directory_write(d, run_set, &w, why);
	buf_clear(&types);
	arena_clear(&a);
	return e;
}

/* The one in use becomes the old one, sealed as it is. */
enum err webhook_rotate(struct directory *d, uint64_t id, struct buf *secret)
{
	struct arena a;
	struct webhook row = { .id = 0 };
	struct listing l = { .a = &a, .list = &row, .only = id };
	struct writing w = { .d = d, .id = id };
	enum err e;

	arena_init(&a, 1u << 20);
	e = directory_read(d, read_rows, &l);
	if (!e && !l.count)
		e = ERR_NOT_FOUND;
	if (!e) {
		w.old_sealed = row.secrets[0];
		rng_bytes(w.secret, sizeof(w.secret));
		e = directory_write(d, run_secret, &w, NULL);
	}
	if (!e)
		show_secret(&w, secret);
	explicit_bzero(w.secret, sizeof(w.secret));
	arena_clear(&a);
	return e;
}

static enum err run_remove(struct db *db, void *arg)
{
	return db_webhook_remove(db, *(const uint64_t *)arg);
}

enum err webhook_remove(struct directory *d, uint64_t id)
{
	return directory_write(d, run_remove, &id, NULL);
}

/* ---- deliveries ---- */

struct deliveries {
	struct arena *a;
	struct delivery *list;
	size_t count, limit;
	uint64_t webhook, id;
	int state;
};

static enum err add_delivery(void *arg, const struct db_delivery *row)
{
	struct deliveries *l = arg;

	l->list[l->count++] = (struct delivery){
		.id = row->id,
		.event = row->event,
		.subject = arena_copy(l->a, row->subject),
		.type = arena_copy(l->a, row->type),
		.last_error = arena_copy(l->a, row->last_error),
		.state = row->state == DB_DELIVERY_DONE ? DELIVERY_DONE : row->state == DB_DELIVERY_GIVEN_UP ? DELIVERY_GIVEN_UP
													     : DELIVERY_WAITING,
		.attempts = row->attempts,
		.next_ms = row->state == DB_DELIVERY_WAITING ? row->next_ms : 0,
		.last_ms = row->last_ms,
		.last_status = row->last_status,
	};
	return ERR_OK;
}

static enum err read_deliveries(struct db *db, void *arg)
{
	struct deliveries *l = arg;

	return db_delivery_each(db, l->webhook, l->state, l->id, (int64_t)l->limit, add_delivery, l);
}

enum err delivery_list(struct directory *d, uint64_t webhook, int state, uint64_t before_id, size_t limit, struct arena *a, struct delivery **out, size_t *count_out)
{
	struct deliveries l = { .a = a, .list = arena_array(a, limit, sizeof(struct delivery)), .limit = limit, .webhook = webhook, .id = before_id, .state = state };
	enum err e = l.list ? directory_read(d, read_deliveries, &l) : ERR_LIMIT;

	*out = l.list;
	*count_out = e ? 0 : l.count;
	return e ? e : a->failed ? ERR_LIMIT
				 : ERR_OK;
}

static enum err read_delivery(struct db *db, void *arg)
{
	struct deliveries *l = arg;

	return db_delivery_find(db, l->webhook, l->id, add_delivery, l);
}

enum err delivery_find(struct directory *d, uint64_t webhook, uint64_t id, struct arena *a, struct delivery *out)
{
	struct deliveries l = { .a = a, .list = out, .webhook = webhook, .id = id };

	return directory_read(d, read_delivery, &l);
}

static enum err run_again(struct db *db, void *arg)
{
	const struct deliveries *l = arg;

	return db_delivery_again(db, l->webhook, l->id, clock_real_ms());
}

enum err delivery_again(struct directory *d, uint64_t webhook, uint64_t id)
{
	struct deliveries l = { .webhook = webhook, .id = id };

	return directory_write(d, run_again, &l, NULL);
}

struct test {
	struct db_delivery row;
	uint64_t id;
};

static enum err run_test(struct db *db, void *arg)
{
	struct test *t = arg;

	return db_delivery_add(db, &t->row, &t->id);
}

enum err delivery_test(struct directory *d, uint64_t webhook, uint64_t event_id, uint64_t *id_out)
{
	char subject[CONTEXT_MAX];
	struct event event = { .id = event_id, .at_ms = clock_real_ms(), .type = EVENT_WEBHOOK_CHANGED, .fields = { { "verb", SPAN("test") } }, .field_count = 1 };
	struct test t = { .row = { .webhook = webhook, .event = event_id, .type = span_str(event_name(EVENT_WEBHOOK_CHANGED)), .next_ms = clock_real_ms() } };
	struct buf payload;
	enum err e = ERR_LIMIT;

	(void)snprintf(subject, sizeof(subject), "whk_%llu", (unsigned long long)webhook);
	event.subject = t.row.subject = span_str(subject);
	buf_init(&payload, 4096);
	if (event_json(&event, &payload)) {
		t.row.payload = buf_span(&payload);
		e = directory_write(d, run_test, &t, NULL);
	}
	buf_clear(&payload);
	*id_out = t.id;
	return e;
}
