/* api/idempotency.c: Idempotency-Key (draft-ietf-httpapi-idempotency-key-header).
 *
 *   enter --nothing known--> in flight --handler, keep (in the batch of the change)--> kept a day
 *     |                          +--crash, or an answer that is not kept--> nothing known
 *     +--in flight--> 409    +--kept, the same request--> the answer again    +--another request--> 422
 *
 * (1) The answer of a change is kept exactly when the change is: both are one commit. So what was cut short is tried again safely.
 * (2) In flight is a matter of this process: a list in memory.
 * (3) A key belongs to its caller. Without a login there is none: a session's cookie is never replayed.
 * (4) 5xx, 429 and dry runs are not kept: trying again may well end otherwise.
 */
#include "api/idempotency.h"

#include <pthread.h>

#include "api/policy.h"
#include "api/reply.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/crypto/digest.h"
#include "daemon/crypto/seal.h"
#include "db/control_idempotency.h"

#define KEY_MAX 255
#define SWEEP 8
#define NOTE_MAX 4096
#define KEPT_MAX 100000
#define TRIM_EVERY 256

static pthread_mutex_t flight_lock = PTHREAD_MUTEX_INITIALIZER; /* guards `in_flight` */
static struct api_call *in_flight;

static const char *const kept_headers[] = { "Location", "ETag" };
static const char *const kept_types[] = { "application/json", "application/problem+json" };

static struct span digest_span(const uint8_t digest[SHA256_BYTES])
{
	return span_make((const char *)digest, SHA256_BYTES);
}

/* Digests of the caller's key and of the request, keyed: a body may hold a password. */
static bool make_digests(struct api_call *c)
{
	const struct api_request *q = c->request;
	uint8_t key[SHA256_BYTES], body[SHA256_BYTES];
	const struct caller *who = &c->caller;
	struct span text;

	directory_derive_key(c->context->directory, SPAN("idempotency"), key);
	text = arena_printf(&c->arena, "%d %llu %llu %.*s", (int)who->kind, (unsigned long long)who->account_id, (unsigned long long)who->token_id, (int)q->idempotency_key.len, q->idempotency_key.ptr);
	crypto_hmac_sha256(digest_span(key), text, c->idempotency.key);
	crypto_hmac_sha256(digest_span(key), c->upload.len ? c->upload : q->body, body);
	text = arena_printf(&c->arena, "%d %.*s?%.*s ", (int)c->operation, (int)q->path.len, q->path.ptr, (int)q->query.len, q->query.len ? q->query.ptr : "");
	crypto_hmac_sha256(digest_span(body), text, c->idempotency.request);
	explicit_bzero(key, sizeof key);
	return !c->arena.failed;
}

/* ---- those at work ---- */

static bool take_off(struct api_call *c)
{
	bool free = true;

	pthread_mutex_lock(&flight_lock);
	for (struct api_call *other = in_flight; other && free; other = other->idempotency.next)
		free = memcmp(other->idempotency.key, c->idempotency.key, SHA256_BYTES) != 0;
	if (free) {
		c->idempotency.next = in_flight;
		in_flight = c;
		c->idempotency.entered = true;
	}
	pthread_mutex_unlock(&flight_lock);
	return free;
}

static void land(struct api_call *c)
{
	pthread_mutex_lock(&flight_lock);
	for (struct api_call **at = &in_flight; *at; at = &(*at)->idempotency.next) {
		if (*at == c) {
			*at = c->idempotency.next;
			break;
		}
	}
	pthread_mutex_unlock(&flight_lock);
	c->idempotency.entered = false;
}

/* ---- what is kept ---- */

struct found {
	struct api_call *c;
	bool same;
	int status;
	int64_t created_ms;
	struct span sealed; /* the call's arena */
};

static void take_row(void *arg, const struct db_idempotency *r)
{
	struct found *f = arg;

	f->same = span_equals(r->request, digest_span(f->c->idempotency.request));
	f->status = (int)r->status;
	f->created_ms = r->created_ms;
	f->sealed = arena_copy(&f->c->arena, r->answer);
}

static enum err find_row(struct db *db, void *arg)
{
	struct found *f = arg;

	return db_idempotency_find(db, digest_span(f->c->idempotency.key), take_row, f);
}

/* "type\n" "Name: value\n"... "\n" body */
static void replay(struct api_call *c, int status, struct span text)
{
	struct span line;

	c->response->status = status;
	c->response->content_type = NULL;
	if (span_split(&text, '\n', &line))
		for (size_t i = 0; i < sizeof kept_types / sizeof kept_types[0]; i++)
			if (span_equals(line, span_str(kept_types[i])))
				c->response->content_type = kept_types[i];
	while (span_split(&text, '\n', &line) && line.len > 0)
		for (size_t i = 0; i < sizeof kept_headers / sizeof kept_headers[0]; i++)
			if (span_starts(line, span_str(kept_headers[i])))
				call_header(c, kept_headers[i], span_skip(line, strlen(kept_headers[i]) + 2));
	call_header(c, "Idempotency-Replayed", SPAN("true"));
	buf_reset(&c->response->body);
	buf_add(&c->response->body, text);
}

static void write_answer(const struct api_response *r, struct buf *out)
{
	buf_add_str(out, r->content_type ? r->content_type : "");
	buf_add_char(out, '\n');
	for (size_t i = 0; i < r->header_count; i++) {
		for (size_t j = 0; j < sizeof kept_headers / sizeof kept_headers[0]; j++) {
			if (strcmp(r->headers[i].name, kept_headers[j]) == 0) {
				buf_addf(out, "%s: ", kept_headers[j]);
				buf_add(out, r->headers[i].value);
				buf_add_char(out, '\n');
			}
		}
	}
	buf_add_char(out, '\n');
	buf_add(out, buf_span(&r->body));
}

static bool answer_known(struct api_call *c, const struct found *f)
{
	struct buf plain;
	enum err e;

	buf_init(&plain, API_RESPONSE_MAX + 65536);
	e = directory_unseal(c->context->directory, digest_span(c->idempotency.key), f->sealed, &plain);
	if (e == ERR_OK && f->status == 0)
		c->idempotency.claimed = arena_copy(&c->arena, buf_span(&plain));
	else if (e == ERR_OK)
		replay(c, f->status, buf_span(&plain));
	else
		call_reply_error(c, e, NULL);
	buf_wipe(&plain);
	return e != ERR_OK || f->status != 0;
}

/* ---- the life of a call ---- */

static bool is_wanted(const struct api_call *c)
{
	return c->request->idempotency_key.len > 0 && span_equals(c->request->method, SPAN("POST")) && c->caller.kind != CALLER_NOBODY && !(policies[c->operation].roles & MAY_ANYBODY) &&
	       !c->dry_run;
}

bool idempotency_enter(struct api_call *c)
{
	struct found f = { .c = c };
	enum err e;

	if (!is_wanted(c))
		return true;
	if (c->request->idempotency_key.len > KEY_MAX || !make_digests(c)) {
		call_reply_problem(c, 400, "bad_query", NULL, "an Idempotency-Key has 1 to %d bytes", KEY_MAX);
		return false;
	}
	if (!take_off(c)) {
		call_reply_problem(c, 409, "idempotency_in_flight", NULL, "the first request with this Idempotency-Key is still being answered");
		reply_retry_after(c, 1);
		return false;
	}
	e = directory_read(c->context->directory, find_row, &f);
	if (e == ERR_OK && f.created_ms > clock_real_ms() - IDEMPOTENCY_MS) {
		if (f.same) {
			c->idempotency.wanted = f.status == 0; /* cut short: its answer is to be kept now */
			return !answer_known(c, &f);
		}
		call_reply_problem(c, 422, "idempotency_mismatch", NULL, "this Idempotency-Key was sent with another request");
		return false;
	}
	if (e != ERR_OK && e != ERR_NOT_FOUND)
		call_reply_error(c, e, NULL);
	c->idempotency.wanted = e == ERR_OK || e == ERR_NOT_FOUND;
	return c->idempotency.wanted;
}

/* Now and then the number is looked at: whoever sends very many keys in a day loses the oldest. */
static enum err put_row(struct db *db, void *arg)
{
	static _Atomic unsigned puts;
	const struct db_idempotency *row = arg;
	enum err e = puts++ % TRIM_EVERY == 0 ? db_idempotency_trim(db, KEPT_MAX, 2 * TRIM_EVERY) : ERR_OK;

	if (e != ERR_OK)
		return e;
	return db_idempotency_put(db, row, row->created_ms - IDEMPOTENCY_MS, SWEEP);
}

static enum err put(struct api_call *c, int status, struct span plain)
{
	struct db_idempotency row = { digest_span(c->idempotency.key), digest_span(c->idempotency.request), clock_real_ms(), status, SPAN("") };
	struct buf sealed;
	enum err e;

	buf_init(&sealed, plain.len + SEAL_OVERHEAD);
	e = directory_seal(c->context->directory, row.key, plain, &sealed);
	row.answer = buf_span(&sealed);
	if (e == ERR_OK)
		e = directory_write(c->context->directory, put_row, &row, NULL);
	buf_clear(&sealed);
	return e;
}

enum err idempotency_keep(struct api_call *c)
{
	const struct api_response *r = c->response;
	struct buf plain;
	enum err e;

	if (!c->idempotency.wanted || r->status >= 500 || r->status == 429)
		return ERR_OK;
	buf_init(&plain, API_RESPONSE_MAX + 65536);
	write_answer(r, &plain);
	e = plain.failed ? ERR_TEMP : put(c, r->status, buf_span(&plain));
	buf_wipe(&plain);
	c->idempotency.kept = e == ERR_OK;
	return e;
}

bool call_claim(struct api_call *c, struct span note)
{
	enum err e;

	if (!c->idempotency.wanted)
		return true;
	e = note.len > NOTE_MAX ? ERR_LIMIT : put(c, 0, note);
	if (e != ERR_OK)
		call_reply_error(c, e, NULL);
	return e == ERR_OK;
}

struct span call_claimed(const struct api_call *c)
{
	return c->idempotency.claimed;
}

void idempotency_leave(struct api_call *c)
{
	if (c->idempotency.wanted && !c->idempotency.kept && idempotency_keep(c) != ERR_OK)
		log_event(LOG_WARN, "api", "answer_not_kept", "operation=%s", c->response->operation);
	if (c->idempotency.entered)
		land(c);
}
