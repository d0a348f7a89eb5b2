/* auth/auth.c: the queue in front of the hash threads, and who gets which place in it.
 *
 *   asked --known--> answered at once, in the caller's thread
 *     |---queue full--> AUTH_BUSY, in the caller's thread
 *     +--> clean | suspect --hash thread--> answered
 *
 * (1) An unknown user costs the same hash as a known one, and has the same answer.
 * (2) Networks with recent failures wait in `suspect`: one of them is taken for each CLEAN_FIRST of the others, they hold
 *     a share of the queue each, and the last of them makes room when a clean one finds it full. So those who guess
 *     delay each other, and hardly the right ones.
 * (3) done() is called without the lock.
 */
#include "daemon/auth/auth.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "daemon/auth/password.h"
#include "daemon/auth/proven.h"
#include "daemon/auth/throttle.h"
#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/rng.h"
#include "daemon/directory/directory.h"

#define CLEAN_FIRST 4
#define HASH_MAX 512
#define HASH_NICE 10
/* Of the queue, for one network that is not trusted. */
#define SHARE_CLEAN (AUTH_QUEUE_MAX / 2)
#define SHARE_SUSPECT (AUTH_QUEUE_MAX / 8)
/* From here on a network is suspect: people mistype too. */
#define SUSPECT_FAILURES 3

struct question {
	struct question *next; /* of its list */
	uint64_t account_id;   /* 0: nobody */
	uint64_t network;      /* 0: trusted */
	struct proven_tag tag;
	void (*done)(void *arg, const struct auth_result *result);
	void *arg;
	size_t hash_len, password_len;
	char hash[HASH_MAX];
	char password[AUTH_PASSWORD_MAX];
};

struct list {
	struct question *head, **tail;
};

struct auth {
	struct directory *directory;
	const struct net_cidr *trusted;
	size_t trusted_count;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;
	struct list clean, suspect;
	size_t waiting;
	unsigned clean_in_a_row;
	bool stopping;
	struct throttle throttle;
	struct proven proven;

	size_t thread_count;
	pthread_t threads[AUTH_HASH_THREADS];
};

static void list_init(struct list *l)
{
	l->head = NULL;
	l->tail = &l->head;
}

static void list_add(struct list *l, struct question *q)
{
	q->next = NULL;
	*l->tail = q;
	l->tail = &q->next;
}

static struct question *list_take_first(struct list *l)
{
	struct question *q = l->head;

	if (!q)
		return NULL;
	l->head = q->next;
	if (!l->head)
		l->tail = &l->head;
	return q;
}

static struct question *list_take_last(struct list *l)
{
	struct question **link = &l->head, *q;

	if (!l->head)
		return NULL;
	while ((*link)->next)
		link = &(*link)->next;
	q = *link;
	*link = NULL;
	l->tail = link;
	return q;
}

static size_t list_count(const struct list *l, uint64_t network)
{
	size_t n = 0;

	for (const struct question *q = l->head; q; q = q->next)
		n += q->network == network;
	return n;
}

static void question_free(struct question *q)
{
	explicit_bzero(q, sizeof(*q));
	free(q);
}

static enum counter counter_of(enum auth_verdict verdict)
{
	switch (verdict) {
	case AUTH_OK: return COUNTER_AUTH_OK;
	case AUTH_WRONG:
	case AUTH_SUSPENDED: return COUNTER_AUTH_FAILED;
	case AUTH_BUSY: return COUNTER_AUTH_BUSY;
	}
	return COUNTER_AUTH_FAILED;
}

/* Takes *q. */
static void answer(struct question **q, const struct auth_result *result)
{
	void (*done)(void *arg, const struct auth_result *result) = (*q)->done;
	void *arg = (*q)->arg;

	question_free(*q);
	*q = NULL;
	counter_add(counter_of(result->verdict), 1);
	done(arg, result);
}

static void answer_busy(struct question **q, int64_t delay_ms)
{
	const struct auth_result busy = { .verdict = AUTH_BUSY, .delay_ms = delay_ms };

	answer(q, &busy);
}

/* The lock is held. */
static struct question *take(struct auth *a)
{
	struct list *l = a->clean.head && (!a->suspect.head || a->clean_in_a_row < CLEAN_FIRST) ? &a->clean : &a->suspect;
	struct question *q = list_take_first(l);

	if (!q)
		return NULL;
	a->clean_in_a_row = l == &a->clean ? a->clean_in_a_row + 1 : 0;
	a->waiting--;
	return q;
}

static uint64_t credential_of(const struct auth *a, const struct account *account)
{
	struct proven_tag tag;
	uint64_t credential;

	proven_make_tag(&a->proven, account->id, account->password_hash, SPAN(""), &tag);
	memcpy(&credential, tag.bytes, sizeof(credential));
	return credential;
}

bool auth_still_holds(const struct auth *a, uint64_t account_id, uint64_t credential)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, account_id);
	bool holds = account && !account->suspended && credential_of(a, account) == credential;

	snapshot_release(&s);
	return holds;
}

/* The account as it is now: it may have changed while the question waited. */
static enum auth_verdict verdict_of(const struct auth *a, const struct question *q, struct auth_result *out)
{
	const struct snapshot *s = directory_hold(a->directory);
	const struct account *account = snapshot_account(s, q->account_id);
	enum auth_verdict v = AUTH_WRONG;

	if (account && span_equals(account->password_hash, span_make(q->hash, q->hash_len))) {
		v = account->suspended ? AUTH_SUSPENDED : AUTH_OK;
		out->account_id = account->id;
		out->credential = credential_of(a, account);
	}
	snapshot_release(&s);
	return v;
}

static void decide(struct auth *a, const struct question *q, struct auth_result *out)
{
	bool match = false;
	enum err e = password_verify(span_make(q->hash, q->hash_len), span_make(q->password, q->password_len), &match);
	int64_t now_ms;

	/* A stored hash that is none must not answer faster than the others. */
	if (e == ERR_CORRUPT)
		e = password_verify(password_nobody, span_make(q->password, q->password_len), &match);
	now_ms = clock_mono_ms();
	*out = (struct auth_result){ .verdict = AUTH_WRONG };
	if (e == ERR_TEMP)
		out->verdict = AUTH_BUSY;
	else if (match && q->account_id)
		out->verdict = verdict_of(a, q, out);
	pthread_mutex_lock(&a->lock);
	if (out->verdict == AUTH_WRONG && q->network) {
		throttle_add(&a->throttle, q->network, now_ms);
		out->delay_ms = throttle_delay_ms(throttle_failures(&a->throttle, q->network, now_ms));
	} else if (out->verdict == AUTH_OK || out->verdict == AUTH_SUSPENDED) {
		proven_add(&a->proven, &q->tag);
	}
	pthread_mutex_unlock(&a->lock);
}

static void *hash_thread(void *arg)
{
	struct auth *a = arg;
	struct question *q;
	struct auth_result result;

	/* Of this thread only (Linux): who is logged in goes before who logs in. Without it all works, only slower. */
	(void)setpriority(PRIO_PROCESS, 0, HASH_NICE);
	pthread_mutex_lock(&a->lock);
	while (!a->stopping) {
		q = take(a);
		if (!q) {
			pthread_cond_wait(&a->work, &a->lock);
			continue;
		}
		pthread_mutex_unlock(&a->lock);
		decide(a, q, &result);
		answer(&q, &result);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

enum err auth_new(const struct auth_config *config, struct auth **out)
{
	struct auth *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a)
		return ERR_TEMP;
	a->directory = config->directory;
	a->trusted = config->trusted;
	a->trusted_count = config->trusted_count;
	list_init(&a->clean);
	list_init(&a->suspect);
	a->throttle.seed = rng_u64();
	proven_init(&a->proven);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->work, NULL);
	while (a->thread_count < AUTH_HASH_THREADS) {
		if (pthread_create(&a->threads[a->thread_count], NULL, hash_thread, a)) {
			auth_free(&a);
			return ERR_TEMP;
		}
		a->thread_count++;
	}
	*out = a;
	return ERR_OK;
}

void auth_free(struct auth **auth)
{
	struct auth *a = *auth;
	struct question *q;

	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_broadcast(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (size_t i = 0; i < a->thread_count; i++)
		(void)pthread_join(a->threads[i], NULL);
	while ((q = take(a)))
		answer_busy(&q, 0);
	(void)pthread_cond_destroy(&a->work);
	(void)pthread_mutex_destroy(&a->lock);
	explicit_bzero(a, sizeof(*a));
	free(a);
	*auth = NULL;
}

static bool is_trusted(const struct auth *a, const struct net_addr *peer)
{
	return !peer || peer->family == NET_UNIX || peer->family == NET_NONE || net_cidrs_have(a->trusted, a->trusted_count, peer);
}

/* What is too long, or has no account, is compared like all else, but with a hash that nothing matches. */
static struct question *question_new(struct auth *a, struct span login, struct span password, const struct net_addr *peer)
{
	struct question *q = malloc(sizeof(*q));
	const struct snapshot *s;
	const struct account *account;
	struct span hash = password_nobody;

	if (!q)
		return NULL;
	s = directory_hold(a->directory);
	account = password.len <= AUTH_PASSWORD_MAX ? snapshot_account_by_login(s, login) : NULL;
	if (account && account->password_hash.len > 0 && account->password_hash.len <= HASH_MAX)
		hash = account->password_hash;
	else
		account = NULL;
	password = span_take(password, AUTH_PASSWORD_MAX);
	q->account_id = account ? account->id : 0;
	q->network = is_trusted(a, peer) ? 0 : throttle_network(&a->throttle, peer);
	q->hash_len = hash.len;
	memcpy(q->hash, hash.ptr, hash.len);
	q->password_len = password.len;
	if (password.len > 0)
		memcpy(q->password, password.ptr, password.len);
	snapshot_release(&s);
	proven_make_tag(&a->proven, q->account_id, span_make(q->hash, q->hash_len), password, &q->tag);
	return q;
}

/* The lock is held. False: no place. *evicted_out: who has to be told so instead. */
static bool enqueue(struct auth *a, struct question *q, unsigned failures, struct question **evicted_out)
{
	bool suspect = failures >= SUSPECT_FAILURES;
	struct list *l = suspect ? &a->suspect : &a->clean;

	if (a->stopping || (q->network && list_count(l, q->network) >= (suspect ? SHARE_SUSPECT : SHARE_CLEAN)))
		return false;
	if (a->waiting >= AUTH_QUEUE_MAX) {
		*evicted_out = suspect ? NULL : list_take_last(&a->suspect);
		if (!*evicted_out)
			return false;
		a->waiting--;
	}
	list_add(l, q);
	a->waiting++;
	pthread_cond_signal(&a->work);
	return true;
}

void auth_check_password(struct auth *a, struct span login, struct span password, const struct net_addr *peer,
			 void (*done)(void *arg, const struct auth_result *result), void *arg)
{
	struct question *q = question_new(a, login, password, peer), *evicted = NULL;
	struct auth_result result = { .verdict = AUTH_BUSY };
	unsigned failures = 0;
	bool known, queued = false;

	if (!q) {
		counter_add(COUNTER_AUTH_BUSY, 1);
		done(arg, &result);
		return;
	}
	q->done = done;
	q->arg = arg;
	pthread_mutex_lock(&a->lock);
	known = proven_has(&a->proven, &q->tag);
	if (!known) {
		if (q->network)
			failures = throttle_failures(&a->throttle, q->network, clock_mono_ms());
		queued = enqueue(a, q, failures, &evicted);
	}
	pthread_mutex_unlock(&a->lock);
	if (known) {
		result.verdict = verdict_of(a, q, &result);
		answer(&q, &result);
	} else if (!queued) {
		answer_busy(&q, throttle_delay_ms(failures));
	}
	if (evicted)
		answer_busy(&evicted, THROTTLE_DELAY_MAX_MS);
}
