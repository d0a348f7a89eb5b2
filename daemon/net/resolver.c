/* net/resolver.c: DNS by libunbound.
 *
 * (1) Every ub_* call after resolver_new() is made by the resolver's thread; others only put questions in the queue.
 * (2) libunbound works in a thread of its own (ub_ctx_async(ctx, 1); with 0 it would fork).
 * (3) A question is in the queue, then in the list of open ones in the order of their deadlines, then answered once.
 */
#include "daemon/net/resolver.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/wait.h"
#include "daemon/net/stream.h"

#define QUESTION_MS (20 * 1000)
#define QUESTIONS_MAX 20000u
#define DNS_CLASS_IN 1
#define WAIT_FOREVER (-1) /* poll(2) */
#define TTL_MAX_S (7 * 24 * 3600)

typedef void done_fn(void *arg, struct dns_answer *answer);

struct question {
	struct question *prev, *next;
	struct resolver *resolver;
	done_fn *done;
	void *arg;
	int64_t until_ms;
	enum dns_type type;
	int id; /* libunbound's */
	char name[DNS_MAX_NAME];
};

struct resolver {
	struct ub_ctx *unbound;
	pthread_t thread;
	int event_fd;
	pthread_mutex_t lock; /* guards queue_first, queue_last, count, quit */
	struct question *queue_first, *queue_last;
	unsigned count; /* queued and open */
	bool quit;
	struct question open; /* head of the ring of open questions; the thread's own */
};

/* When there is no memory even for an answer. */
static struct dns_answer no_memory = { .status = DNS_TEMP_FAILURE };

static struct dns_answer *failure(void)
{
	struct dns_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return &no_memory;
	a->status = DNS_TEMP_FAILURE;
	return a;
}

void dns_answer_free(struct dns_answer **answer)
{
	if (*answer != &no_memory)
		free(*answer);
	*answer = NULL;
}

/* The name to which CNAMEs led; empty when there were none, or when it could be no host's: libunbound writes odd bytes with backslashes. */
static struct span canonical_name(const struct ub_result *result)
{
	struct span name = span_str(result->canonname), asked = span_str(result->qname);

	if (name.len > 0 && name.ptr[name.len - 1] == '.')
		name.len--;
	if (asked.len > 0 && asked.ptr[asked.len - 1] == '.')
		asked.len--;
	if (name.len == 0 || name.len >= DNS_MAX_NAME || span_iequals(name, asked) || memchr(name.ptr, '\\', name.len))
		return SPAN("");
	return name;
}

/* Answer, spans and bytes in one block. */
static struct dns_answer *copy_records(const struct ub_result *result)
{
	struct span canonical = canonical_name(result);
	struct dns_answer *a;
	size_t count = 0, bytes = canonical.len + 1;
	char *to;

	while (count < DNS_MAX_RECORDS && result->data[count])
		bytes += (size_t)result->len[count++];
	a = calloc(1, sizeof(*a) + count * sizeof(struct span) + bytes);
	if (!a)
		return &no_memory;
	a->count = count;
	a->records = (struct span *)(a + 1);
	to = (char *)(a->records + count);
	for (size_t i = 0; i < count; i++) {
		size_t len = (size_t)result->len[i];

		memcpy(to, result->data[i], len);
		a->records[i] = span_make(to, len);
		to += len;
	}
	if (canonical.len > 0) {
		memcpy(to, canonical.ptr, canonical.len); /* zeroed behind */
		a->alias_of = to;
	}
	a->status = DNS_FOUND;
	return a;
}

static struct dns_answer *answer_of(const struct ub_result *result)
{
	struct dns_answer *a;

	if (result->bogus) {
		a = failure();
		if (a != &no_memory)
			a->bogus = true;
		return a;
	}
	if (result->havedata) {
		a = copy_records(result);
	} else {
		a = failure();
		if (a != &no_memory && result->nxdomain)
			a->status = DNS_NO_NAME;
		else if (a != &no_memory && result->rcode == 0)
			a->status = DNS_NO_DATA;
	}
	if (a->status == DNS_TEMP_FAILURE)
		return a;
	a->secure = result->secure != 0;
	a->ttl_s = result->ttl < 0 ? 0 : result->ttl > TTL_MAX_S ? TTL_MAX_S
								 : result->ttl;
	return a;
}

static void finish(struct question *q, struct dns_answer *answer)
{
	struct resolver *r = q->resolver;

	pthread_mutex_lock(&r->lock);
	r->count--;
	pthread_mutex_unlock(&r->lock);
	q->done(q->arg, answer);
	free(q);
}

static void unlink_open(struct question *q)
{
	q->prev->next = q->next;
	q->next->prev = q->prev;
}

/* libunbound's callback, in ub_process(). */
static void on_result(void *arg, int error, struct ub_result *result)
{
	struct question *q = arg;
	struct dns_answer *answer = error || !result ? failure() : answer_of(result);

	ub_resolve_free(result);
	unlink_open(q);
	finish(q, answer);
}

static void begin(struct resolver *r, struct question *q)
{
	q->next = &r->open;
	q->prev = r->open.prev;
	q->prev->next = q->next->prev = q;
	if (ub_resolve_async(r->unbound, q->name, (int)q->type, DNS_CLASS_IN, q, on_result, &q->id) != 0) {
		unlink_open(q);
		finish(q, failure());
	}
}

static void give_up(struct resolver *r, struct question *q)
{
	ub_cancel(r->unbound, q->id);
	unlink_open(q);
	finish(q, failure());
}

/* Takes the queue; false when it is time to end. */
static bool take_queue(struct resolver *r, struct question **out)
{
	uint64_t events;
	bool go_on;
	ssize_t got = read(r->event_fd, &events, sizeof(events));

	(void)got; /* EAGAIN: there was none */
	pthread_mutex_lock(&r->lock);
	*out = r->queue_first;
	r->queue_first = r->queue_last = NULL;
	go_on = !r->quit;
	pthread_mutex_unlock(&r->lock);
	return go_on;
}

/* The analyser does not see that a question leaves the ring before it is freed: the ring ends in the resolver itself. */
/* NOLINTBEGIN(clang-analyzer-unix.Malloc) */
static int wait_ms(const struct resolver *r)
{
	int64_t left;

	if (r->open.next == &r->open)
		return WAIT_FOREVER;
	left = r->open.next->until_ms - clock_mono_ms();
	return left < 0 ? 0 : (int)left + 1;
}

static void *run(void *arg)
{
	struct resolver *r = arg;
	struct pollfd fds[2] = { { .fd = ub_fd(r->unbound), .events = POLLIN }, { .fd = r->event_fd, .events = POLLIN } };
	struct question *q, *next;
	bool go_on = true;

	while (go_on) {
		if (poll(fds, 2, wait_ms(r)) < 0)
			continue; /* EINTR */
		if (fds[0].revents)
			ub_process(r->unbound);
		go_on = take_queue(r, &q);
		for (; q; q = next) {
			next = q->next;
			begin(r, q);
		}
		while (r->open.next != &r->open && r->open.next->until_ms <= clock_mono_ms())
			give_up(r, r->open.next);
	}
	while (r->open.next != &r->open)
		give_up(r, r->open.next);
	return NULL;
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

enum err resolver_mode_check(struct span mode)
{
	struct net_addr ip;
	uint64_t port;
	size_t at;

	if (span_equals(mode, SPAN("recursive")) || span_equals(mode, SPAN("system")))
		return ERR_OK;
	if (!span_find_char(mode, '@', &at) || net_ip_parse(span_take(mode, at), &ip) != ERR_OK)
		return ERR_SYNTAX;
	if (span_to_u64(span_skip(mode, at + 1), UINT16_MAX, &port) != ERR_OK || port == 0)
		return ERR_SYNTAX;
	return ERR_OK;
}

static bool set_option(struct resolver *r, const char *name, const char *value, struct note *why)
{
	int error = ub_ctx_set_option(r->unbound, name, value);

	if (error != 0)
		note_set(why, "resolver: %s %s: %s", name, value, ub_strerror(error));
	return error == 0;
}

/* A given server knows its private names better than libunbound's built-in answers for them. */
static bool set_server(struct resolver *r, const char *mode, struct note *why)
{
	int error;

	if (strcmp(mode, "recursive") == 0)
		return true;
	if (!set_option(r, "do-not-query-localhost:", "no", why) || !set_option(r, "unblock-lan-zones:", "yes", why) || !set_option(r, "insecure-lan-zones:", "yes", why))
		return false;
	if (strcmp(mode, "system") == 0) {
		error = ub_ctx_resolvconf(r->unbound, NULL);
	} else {
		if (!set_option(r, "domain-insecure:", "test.", why)) /* RFC 6761 6.2: never delegated, so never signed from the root */
			return false;
		error = ub_ctx_set_fwd(r->unbound, mode);
	}
	if (error != 0)
		note_set(why, "resolver %s: %s", mode, ub_strerror(error));
	return error == 0;
}

static bool set_anchor(struct resolver *r, const struct resolver_config *config, struct note *why)
{
	int error, fd;

	/* The stubs that a system is set up with strip signatures: validation would fail for all that is signed. */
	if (!config->trust_anchor || strcmp(config->mode, "system") == 0)
		return true;
	fd = open(config->trust_anchor, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		note_set_errno(why, errno, "trust_anchor %s", config->trust_anchor);
		return false;
	}
	close(fd);
	error = ub_ctx_add_ta_file(r->unbound, config->trust_anchor);
	if (error != 0)
		note_set(why, "trust_anchor %s: %s", config->trust_anchor, ub_strerror(error));
	return error == 0;
}

/* The first data makes the settings final, and tells now, not with the first question, whether they are good. */
static bool finalize(struct resolver *r, const struct resolver_config *config, struct note *why)
{
	bool given = strchr(config->mode, '@') != NULL;
	int error = ub_ctx_zone_add(r->unbound, given ? "test." : "invalid.", given ? "transparent" : "static");

	if (error != 0)
		note_set(why, "resolver: %s (trust_anchor %s)", ub_strerror(error), config->trust_anchor ? config->trust_anchor : "none");
	return error == 0;
}

static bool start(struct resolver *r)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error == 0;
}

enum err resolver_new(const struct resolver_config *config, struct resolver **out, struct note *why)
{
	struct resolver *r;
	bool ok;

	if (resolver_mode_check(span_str(config->mode)) != ERR_OK) {
		note_set(why, "resolver must be recursive, system or ADDR@PORT");
		return ERR_SYNTAX;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return ERR_TEMP;
	pthread_mutex_init(&r->lock, NULL);
	r->open.next = r->open.prev = &r->open;
	r->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	r->unbound = ub_ctx_create();
	ok = r->event_fd >= 0 && r->unbound;
	if (ok) {
		ub_ctx_debugout(r->unbound, NULL);
		ok = set_server(r, config->mode, why) && set_anchor(r, config, why) && ub_ctx_async(r->unbound, 1) == 0 && finalize(r, config, why) && start(r);
	}
	if (ok) {
		*out = r;
		return ERR_OK;
	}
	if (r->unbound)
		ub_ctx_delete(r->unbound);
	if (r->event_fd >= 0)
		close(r->event_fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
	return ERR_TEMP;
}

static void signal_thread(const struct resolver *r)
{
	uint64_t one = 1;
	ssize_t written = write(r->event_fd, &one, sizeof(one));

	(void)written; /* it cannot fill up in 2^64 writes */
}

void resolver_free(struct resolver **r)
{
	struct resolver *gone = *r;

	*r = NULL;
	if (!gone)
		return;
	pthread_mutex_lock(&gone->lock);
	gone->quit = true;
	pthread_mutex_unlock(&gone->lock);
	signal_thread(gone);
	pthread_join(gone->thread, NULL);
	ub_ctx_delete(gone->unbound);
	close(gone->event_fd);
	pthread_mutex_destroy(&gone->lock);
	free(gone);
}

/* False when there are too many already, or the end has come. */
static bool enqueue(struct resolver *r, struct question *q)
{
	bool was_empty, taken;

	pthread_mutex_lock(&r->lock);
	taken = r->count < QUESTIONS_MAX && !r->quit;
	was_empty = !r->queue_first;
	if (taken) {
		if (r->queue_last)
			r->queue_last->next = q;
		else
			r->queue_first = q;
		r->queue_last = q;
		r->count++;
	}
	pthread_mutex_unlock(&r->lock);
	if (taken && was_empty)
		signal_thread(r);
	return taken;
}

void resolver_ask(struct resolver *r, const char *name, enum dns_type type, done_fn *done, void *arg)
{
	struct question *q = strlen(name) < DNS_MAX_NAME ? calloc(1, sizeof(*q)) : NULL;

	if (q) {
		snprintf(q->name, sizeof(q->name), "%s", name[0] ? name : ".");
		q->resolver = r;
		q->done = done;
		q->arg = arg;
		q->type = type;
		q->until_ms = clock_mono_ms() + QUESTION_MS;
		if (enqueue(r, q))
			return;
		free(q);
	}
	done(arg, failure());
}

/* Shared by who waits and the callback: the last one frees it. */
struct waiting {
	pthread_mutex_t lock; /* guards answer, references */
	pthread_cond_t changed;
	struct dns_answer *answer;
	unsigned references;
};

static void waiting_release(struct waiting *w)
{
	bool last;

	pthread_mutex_lock(&w->lock);
	last = --w->references == 0;
	pthread_mutex_unlock(&w->lock);
	if (!last)
		return;
	dns_answer_free(&w->answer);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

static void on_waited(void *arg, struct dns_answer *answer)
{
	struct waiting *w = arg;

	pthread_mutex_lock(&w->lock);
	w->answer = answer;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
	waiting_release(w);
}

/* A thread that is to stop is not held by a server that does not answer. */
#define CANCEL_SEEN_MS 200

struct dns_answer *resolver_ask_wait(struct resolver *r, const char *name, enum dns_type type, int64_t timeout_ms)
{
	struct waiting *w = calloc(1, sizeof(*w));
	int64_t until_ms = clock_mono_ms() + timeout_ms;
	struct dns_answer *answer;

	if (!w || wait_init(&w->changed) != ERR_OK) {
		free(w);
		return failure();
	}
	pthread_mutex_init(&w->lock, NULL);
	w->references = 2;
	resolver_ask(r, name, type, on_waited, w);
	pthread_mutex_lock(&w->lock);
	while (!w->answer && clock_mono_ms() < until_ms && !stream_thread_is_cancelled()) /* NOLINT(clang-analyzer-unix.Malloc): the second reference is ours */
		(void)wait_for(&w->changed, &w->lock, CANCEL_SEEN_MS);
	answer = w->answer;
	w->answer = NULL;
	pthread_mutex_unlock(&w->lock);
	waiting_release(w);
	return answer ? answer : failure();
}
