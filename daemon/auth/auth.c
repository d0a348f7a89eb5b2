/* auth/auth.c: a login and a password, to a verdict.
 *
 *   asked ──app password──▶ answered      ┐
 *     ├──refused for now──▶ AUTH_REFUSED  │ at once, in the caller's thread
 *     ├──proven before──▶ answered        │
 *     ├──wrong before──▶ AUTH_WRONG       │
 *     ├──no place──▶ AUTH_BUSY            ┘
 *     └─▶ hash thread ──▶ answered
 *
 * (1) An unknown user costs the same hash as a known one, is counted alike, and has the same answer. Imported hashes take other times, until they
 *     were proven once: one of ours is computed beside a cheap one, and the time of the delay counts from when the hash was begun.
 * (2) done() is called without a lock.
 * (3) What was proven is the stored hash: when another one stands there after the slow part, it is done again.
 */
#include "daemon/auth/auth.h"

#include <stdlib.h>

#include "daemon/auth/app_secret.h"
#include "daemon/auth/attempt.h"
#include "daemon/auth/credentials.h"
#include "daemon/auth/inside.h"
#include "daemon/auth/imported.h"
#include "daemon/auth/password.h"
#include "daemon/auth/refusals.h"
#include "daemon/auth/rehash.h"
#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/directory/directory.h"
#include "daemon/directory/setting.h"
#include "db/control_app_password.h"
#include "db/control_device.h"
#include "db/control_lockout.h"
#include "db/control_session.h"
#include "db/control_token.h"

#define MAIL_PROTOCOLS (AUTH_IMAP | AUTH_POP3 | AUTH_SMTP)
#define CREDENTIALS_CACHED 4096
#define CREDENTIALS_CACHE_BYTES ((size_t)16 * 1024 * 1024)
#define TOKENS_CACHED 1024
#define SESSIONS_CACHED 4096
#define SMALL_CACHE_BYTES ((size_t)4 * 1024 * 1024)
#define ROUNDS_MAX 3
/* What is said without a hash is held back too: a loop of logins would fill log and threads. */
#define REFUSED_DELAY_MS 2000
#define QUICK_DELAY_MS 100
#define HOUR_MS ((int64_t)3600 * 1000)
#define SHOWN_AFTER_END_MS (30 * 24 * HOUR_MS)
#define TENDS_AN_HOUR 60

struct question {
	struct hashing_job job;
	struct attempt attempt;
	struct proven_tag tag;
	void (*done)(void *arg, const struct auth_result *result);
	void *arg;
	size_t password_len;
	char password[AUTH_PASSWORD_MAX];
};

static struct span password_of(const struct question *q)
{
	return span_make(q->password, q->password_len);
}

static void question_free(struct question *q)
{
	explicit_bzero(q, sizeof(*q));
	free(q);
}

/* Takes *q. */
static void answer(struct question **q, const struct auth_result *result)
{
	void (*done)(void *arg, const struct auth_result *result) = (*q)->done;
	void *arg = (*q)->arg;
	enum auth_protocol protocol = (*q)->attempt.protocol;

	question_free(*q);
	*q = NULL;
	attempt_count(protocol, result->verdict);
	done(arg, result);
}

static uint64_t number_of(const struct proven_tag *tag)
{
	uint64_t n;

	memcpy(&n, tag->bytes, sizeof(n));
	return n ? n : 1;
}

/* ---- verdicts ---- */

enum auth_verdict auth_standing(struct auth *a, enum auth_protocol protocol, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);
	enum auth_verdict v = AUTH_OK;

	if (!account || account->is_shared)
		v = AUTH_WRONG;
	else if (account->disabled)
		v = AUTH_SUSPENDED;
	else if (account->protocols_off & (unsigned)protocol)
		v = AUTH_PROTOCOL_OFF;
	snapshot_release(&s);
	return v;
}

/* The main password is right. */
static void main_verdict(struct auth *a, const struct attempt *t, const struct credentials *c, struct auth_result *out)
{
	*out = (struct auth_result){ .verdict = auth_standing(a, t->protocol, t->account_id) };
	if (out->verdict == AUTH_WRONG)
		return;
	out->account_id = t->account_id;
	out->credential = credentials_number(a, c, NULL);
	if (out->verdict != AUTH_OK)
		return;
	if (c->second_factor && t->protocol != AUTH_WEB)
		out->verdict = AUTH_WANTS_APP_PASSWORD;
	else if (c->second_factor)
		out->second_factor = true; /* not passed before that is shown */
	else
		attempt_passed(a, t, 0);
}

/* Of those that are the account's, all are looked at. */
static const struct app_credential *find_app(const struct credentials *c, const struct attempt *t, struct span password)
{
	const struct app_credential *found = NULL;
	uint8_t digest[SHA256_BYTES];

	if (!((unsigned)t->protocol & MAIL_PROTOCOLS) || c->app_count == 0 || !app_secret_digest(password, digest))
		return NULL;
	for (size_t i = 0; i < c->app_count; i++) {
		if (crypto_equals(c->apps[i].digest, digest, sizeof(digest)) && app_credential_opens(&c->apps[i], t->protocol, &t->peer))
			found = &c->apps[i];
	}
	explicit_bzero(digest, sizeof(digest));
	return found;
}

static bool app_verdict(struct auth *a, const struct attempt *t, const struct credentials *c, struct span password, struct auth_result *out)
{
	const struct app_credential *app = find_app(c, t, password);

	if (!app)
		return false;
	*out = (struct auth_result){ .verdict = auth_standing(a, t->protocol, t->account_id), .account_id = t->account_id, .credential = credentials_number(a, c, app) };
	if (out->verdict == AUTH_OK)
		attempt_passed(a, t, app->id);
	return out->verdict != AUTH_WRONG;
}

/* ---- on a hash thread ---- */

/* What is wrong with a stored hash must not answer faster than others. */
static enum err verify_form(struct span stored, struct span password, bool *match_out)
{
	bool nobody;
	enum err e;

	if (!imported_is(stored)) {
		e = password_verify(stored, password, match_out);
		return e == ERR_CORRUPT ? password_verify(password_nobody, password, &nobody) : e;
	}
	e = imported_verify(stored, password, match_out);
	/* A right one is rehashed, which costs as much. */
	if (!e && !*match_out)
		e = password_verify(password_nobody, password, &nobody);
	return e;
}

/* What is not prepared by now was hashed elsewhere, or before that was done. */
static enum err verify(struct span stored, struct span password, bool *match_out)
{
	struct span prepared;
	struct buf room;
	enum err e;

	buf_init(&room, PASSWORD_PREPARED_MAX);
	prepared = password_prepare(password, &room);
	e = verify_form(stored, prepared, match_out);
	if (!e && !*match_out && !span_equals(prepared, password))
		e = verify_form(stored, password, match_out);
	buf_wipe(&room);
	return e;
}

static void remember(struct auth *a, const struct proven_tag *tag)
{
	pthread_mutex_lock(&a->proven_lock);
	proven_add(&a->proven, tag);
	pthread_mutex_unlock(&a->proven_lock);
}

/* True: *out is the answer, or it was wrong. False: the hash is another one by now. */
static bool decide_once(struct auth *a, struct question *q, struct auth_result *out)
{
	const struct credentials *c = NULL;
	struct span stored = password_nobody;
	bool match = false, same = true;
	enum err e = q->attempt.account_id ? credentials_hold(a, q->attempt.account_id, &c) : ERR_OK;

	if (!e && c && c->password_hash.len > 0)
		stored = c->password_hash;
	if (!e || e == ERR_NOT_FOUND)
		e = verify(stored, password_of(q), &match);
	*out = (struct auth_result){ .verdict = e == ERR_TEMP ? AUTH_BUSY : AUTH_WRONG };
	if (!e && match && c) {
		same = rehash_when_wanted(a, &c, password_of(q));
		if (same && c) {
			proven_make_tag(&a->proven, q->attempt.account_id, c->password_hash, password_of(q), &q->tag);
			main_verdict(a, &q->attempt, c, out);
			remember(a, &q->tag);
		}
	}
	credentials_release(&c);
	return same;
}

static void decide(void *arg, struct hashing_job *job)
{
	struct auth *a = arg;
	struct question *q = (struct question *)job;
	struct auth_result result;
	int64_t begun_ms = clock_mono_ms(), took_ms;
	int rounds = 0;

	/* It may have become so while this one waited. */
	result = (struct auth_result){ .verdict = AUTH_REFUSED };
	if (!attempt_is_refused(a, &q->attempt, &result.retry_after_ms)) {
		while (!decide_once(a, q, &result) && ++rounds < ROUNDS_MAX)
			continue;
	}
	if (result.verdict == AUTH_WRONG) {
		result.delay_ms = attempt_failed(a, &q->attempt, number_of(&q->tag));
		took_ms = clock_mono_ms() - begun_ms;
		result.delay_ms = result.delay_ms > took_ms ? result.delay_ms - took_ms : 0;
	}
	answer(&q, &result);
}

static void turn_away(void *arg, struct hashing_job *job)
{
	const struct auth_result busy = { .verdict = AUTH_BUSY, .delay_ms = THROTTLE_DELAY_MAX_MS };
	struct question *q = (struct question *)job;

	(void)arg;
	answer(&q, &busy);
}

/* ---- asking ---- */

static struct question *question_new(struct auth *a, enum auth_protocol protocol, struct span login, struct span password, const struct net_addr *peer)
{
	struct question *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	attempt_begin(a, protocol, login, peer, &q->attempt);
	/* Too long for a password: compared like all else, but with a hash that nothing matches. */
	if (password.len > AUTH_PASSWORD_MAX)
		q->attempt.account_id = 0;
	password = span_take(password, AUTH_PASSWORD_MAX);
	q->password_len = password.len;
	if (password.len > 0)
		memcpy(q->password, password.ptr, password.len);
	q->job.network = 0;
	if (!q->attempt.trusted) {
		const struct throttle_subject network = throttle_narrow(&q->attempt.peer);

		q->job.network = throttle_number(&a->throttle, &network);
	}
	return q;
}

static bool was_proven(struct auth *a, const struct proven_tag *tag)
{
	bool known;

	pthread_mutex_lock(&a->proven_lock);
	known = proven_has(&a->proven, tag);
	pthread_mutex_unlock(&a->proven_lock);
	return known;
}

static int64_t longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* What can be said at once. False: it takes a hash. */
static bool answer_now(struct auth *a, struct question *q, const struct credentials *c, struct auth_result *out)
{
	const struct span stored = c ? c->password_hash : password_nobody;

	proven_make_tag(&a->proven, c ? q->attempt.account_id : q->attempt.who.who, stored, password_of(q), &q->tag);
	if (c && app_verdict(a, &q->attempt, c, password_of(q), out))
		return true;
	*out = (struct auth_result){ .verdict = AUTH_REFUSED, .delay_ms = q->attempt.trusted ? QUICK_DELAY_MS : REFUSED_DELAY_MS };
	if (attempt_is_refused(a, &q->attempt, &out->retry_after_ms))
		return true;
	if (c && was_proven(a, &q->tag)) {
		main_verdict(a, &q->attempt, c, out);
		return true;
	}
	*out = (struct auth_result){ .verdict = AUTH_WRONG };
	if (!attempt_was_wrong(a, &q->attempt, number_of(&q->tag)))
		return false;
	out->delay_ms = longer(attempt_failed(a, &q->attempt, number_of(&q->tag)), QUICK_DELAY_MS);
	return true;
}

void auth_check_password(struct auth *a, enum auth_protocol protocol, struct span login, struct span password, const struct net_addr *peer,
			 void (*done)(void *arg, const struct auth_result *result), void *arg)
{
	struct question *q = question_new(a, protocol, login, password, peer);
	struct auth_result result = { .verdict = AUTH_BUSY };
	const struct credentials *c = NULL;
	enum err e = ERR_OK;
	unsigned failures;

	if (!q) {
		attempt_count(protocol, AUTH_BUSY);
		done(arg, &result);
		return;
	}
	q->done = done;
	q->arg = arg;
	if (q->attempt.account_id)
		e = credentials_hold(a, q->attempt.account_id, &c);
	if ((e && e != ERR_NOT_FOUND) || answer_now(a, q, c, &result)) {
		answer(&q, &result);
	} else {
		failures = attempt_network_failures(a, &q->attempt);
		if (!hashing_add(&a->hashing, &q->job, failures)) {
			result = (struct auth_result){ .verdict = AUTH_BUSY, .delay_ms = throttle_delay_ms(failures) };
			answer(&q, &result);
		}
	}
	credentials_release(&c);
}

bool auth_still_holds(struct auth *a, enum auth_protocol protocol, uint64_t account_id, uint64_t credential)
{
	const struct credentials *c;
	bool holds;

	if (auth_standing(a, protocol, account_id) != AUTH_OK || credentials_hold(a, account_id, &c) != ERR_OK)
		return false;
	holds = credentials_number(a, c, NULL) == credential;
	for (size_t i = 0; i < c->app_count && !holds; i++)
		holds = credentials_number(a, c, &c->apps[i]) == credential;
	credentials_release(&c);
	return holds;
}

void auth_forget(struct auth *a, uint64_t account_id)
{
	cache_forget(&a->credentials, account_id);
	cache_forget(&a->tokens, account_id);
	cache_forget(&a->sessions, account_id);
}

/* ---- the life of it all ---- */

struct ends {
	int64_t now_ms, idle_before_ms, unseen_before_ms;
	bool long_ago; /* also look for what ended long ago */
};

static enum err remove_ended(struct db *db, void *arg)
{
	const struct ends *ends = arg;
	enum err e = db_session_remove_idle(db, ends->idle_before_ms);

	if (!e)
		e = db_lockout_remove_ended(db, ends->now_ms);
	if (e || !ends->long_ago)
		return e;
	e = db_device_remove_old(db, ends->unseen_before_ms);
	if (!e)
		e = db_app_password_remove_ended(db, ends->now_ms - SHOWN_AFTER_END_MS);
	return e ? e : db_token_remove_ended(db, ends->now_ms - SHOWN_AFTER_END_MS);
}

void auth_tend(struct auth *a)
{
	const struct snapshot *s = directory_hold(a->directory);
	struct ends ends = { .now_ms = clock_real_ms(), .long_ago = a->tended++ % TENDS_AN_HOUR == 0 };
	struct note why = { "" };

	ends.idle_before_ms = ends.now_ms - snapshot_number(s, SETTING_SESSION_IDLE_HOURS) * HOUR_MS;
	ends.unseen_before_ms = ends.now_ms - snapshot_number(s, SETTING_KNOWN_DEVICE_DAYS) * 24 * HOUR_MS;
	snapshot_release(&s);
	/* What was used is not idle, also when that could not be written. */
	if (recent_flush(a) == ERR_OK && directory_write(a->directory, remove_ended, &ends, &why) != ERR_OK)
		log_event(LOG_WARN, "auth", "not_tended", "why=%s", log_quote(span_str(why.text)).text);
}

enum err auth_new(const struct auth_config *config, struct auth **out)
{
	struct auth *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a)
		return ERR_TEMP;
	a->directory = config->directory;
	a->events = config->events;
	a->trusted = config->trusted;
	a->trusted_count = config->trusted_count;
	cache_init(&a->credentials, a->directory, CREDENTIALS_CACHED, CREDENTIALS_CACHE_BYTES);
	cache_init(&a->tokens, a->directory, TOKENS_CACHED, SMALL_CACHE_BYTES);
	cache_init(&a->sessions, a->directory, SESSIONS_CACHED, SMALL_CACHE_BYTES);
	recent_init(a);
	throttle_init(&a->throttle);
	(void)pthread_mutex_init(&a->throttle_lock, NULL);
	proven_init(&a->proven);
	(void)pthread_mutex_init(&a->proven_lock, NULL);
	challenges_init(&a->challenges);
	refusals_load(a);
	a->hashing.work = decide;
	a->hashing.turned_away = turn_away;
	a->hashing.arg = a;
	if (hashing_start(&a->hashing)) {
		auth_free(&a);
		return ERR_TEMP;
	}
	*out = a;
	return ERR_OK;
}

void auth_free(struct auth **auth)
{
	struct auth *a = *auth;
	enum err e;

	if (!a)
		return;
	hashing_stop(&a->hashing);
	e = recent_flush(a);
	if (e)
		log_event(LOG_WARN, "auth", "uses_lost", "error=%s", err_name(e));
	challenges_clear(&a->challenges);
	cache_clear(&a->credentials);
	cache_clear(&a->tokens);
	cache_clear(&a->sessions);
	(void)pthread_mutex_destroy(&a->recent.lock);
	(void)pthread_mutex_destroy(&a->throttle_lock);
	(void)pthread_mutex_destroy(&a->proven_lock);
	explicit_bzero(a, sizeof(*a));
	free(a);
	*auth = NULL;
}
