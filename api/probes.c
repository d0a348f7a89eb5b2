/* api/probes.c: probes of other servers: few at a time, each on a thread of its own, the call parked meanwhile.
 *
 * (1) A run belongs to its thread and to its call; the one that lets go last frees it.
 * (2) The call is told once: by the thread, or by probes_stop(). Who has set `told` under the lock does it, behind the lock.
 */
#include "api/probes.h"

#include <pthread.h>
#include <stdlib.h>

#include "api/call.h"
#include "daemon/directory/directory.h"

#define RUN_ARENA_MAX (8u << 20)

struct run {
	struct probes *probes;
	struct run *next; /* of those that run */
	struct api_call *call;
	struct arena arena;
	struct relay_job job;
	struct relay_recipient recipient;
	const struct snapshot *directory;
	struct probe result;
	unsigned holders; /* under the lock */
	bool told, done;  /* the same */
};

struct probes {
	struct directory *directory;
	struct relay *relay;
	pthread_mutex_t lock; /* guards what follows, and of each run what says so */
	pthread_cond_t changed;
	struct run *first;
	unsigned running;
	bool stopping;
};

enum err probes_new(struct directory *d, struct relay *r, struct probes **out, struct note *why)
{
	struct probes *p = calloc(1, sizeof *p);

	*out = p;
	if (!p) {
		note_set(why, "no memory for probes");
		return ERR_TEMP;
	}
	p->directory = d;
	p->relay = r;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	return ERR_OK;
}

static void run_free(struct run *run)
{
	snapshot_release(&run->directory);
	arena_clear(&run->arena);
	free(run);
}

static void let_go(struct probes *p, struct run *run)
{
	bool last;

	pthread_mutex_lock(&p->lock);
	last = --run->holders == 0;
	pthread_mutex_unlock(&p->lock);
	if (last)
		run_free(run);
}

static void take_out(struct probes *p, const struct run *run)
{
	struct run **at = &p->first;

	while (*at != run)
		at = &(*at)->next;
	*at = run->next;
}

static void *run_probe(void *arg)
{
	struct run *run = arg;
	struct probes *p = run->probes;
	struct api_call *call = run->call;
	bool tell;

	relay_probe(p->relay, &run->job, &run->result);
	pthread_mutex_lock(&p->lock);
	tell = !run->told;
	run->told = true;
	run->done = tell;
	take_out(p, run);
	pthread_mutex_unlock(&p->lock);
	if (tell)
		call_go_on(call);
	let_go(p, run);
	pthread_mutex_lock(&p->lock);
	p->running--;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

void probes_stop(struct probes *p)
{
	struct api_call *waiting[PROBES_MAX];
	size_t count = 0;

	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	for (struct run *run = p->first; run; run = run->next) {
		if (!run->told)
			waiting[count++] = run->call;
		run->told = true;
	}
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < count; i++)
		call_go_on(waiting[i]);
}

void probes_free(struct probes **p)
{
	if (!*p)
		return;
	pthread_mutex_lock(&(*p)->lock);
	while ((*p)->running > 0)
		pthread_cond_wait(&(*p)->changed, &(*p)->lock);
	pthread_mutex_unlock(&(*p)->lock);
	pthread_cond_destroy(&(*p)->changed);
	pthread_mutex_destroy(&(*p)->lock);
	free(*p);
	*p = NULL;
}

/* ---- calls ---- */

/* As the queue would send it. */
static enum err prepare(struct run *run, struct span sender, struct span recipient)
{
	const struct snapshot *s = run->directory;
	struct address from, to;
	const struct domain *ours = NULL;
	enum err e = address_parse(recipient, &run->arena, &to);

	if (e != ERR_OK)
		return ERR_SYNTAX;
	from = (struct address){ .domain = SPAN("") };
	if (sender.len > 0 && address_parse(sender, &run->arena, &from) != ERR_OK)
		return ERR_SYNTAX;
	if (from.domain.len > 0)
		ours = snapshot_domain(s, from.domain);
	run->recipient.address = arena_copy(&run->arena, recipient);
	run->job = (struct relay_job){
		.domain = to.domain,
		.via = snapshot_relay_for(s, to.domain, from.domain),
		.helo = snapshot_hostname(s),
		.reverse_path = arena_copy(&run->arena, sender),
		.recipients = &run->recipient,
		.recipient_count = 1,
		.smtputf8 = !span_is_ascii(recipient) || !span_is_ascii(sender),
		.rule = snapshot_tls_rule(s, to.domain),
		.arena = &run->arena,
	};
	if (ours) {
		run->job.source4 = ours->source4;
		run->job.source6 = ours->source6;
	}
	return run->arena.failed ? ERR_LIMIT : ERR_OK;
}

static struct run *run_new(struct api_call *c)
{
	struct probes *p = c->context->probes;
	struct run *run = calloc(1, sizeof *run);

	if (!run)
		return NULL;
	run->probes = p;
	run->call = c;
	run->holders = 2;
	run->directory = directory_hold(p->directory);
	arena_init(&run->arena, RUN_ARENA_MAX);
	return run;
}

/* ERR_LIMIT: too many run; ERR_TEMP: the daemon stops. */
static enum err enter(struct probes *p, struct run *run)
{
	enum err e = p->stopping ? ERR_TEMP : p->running >= PROBES_MAX ? ERR_LIMIT
								       : ERR_OK;

	if (e == ERR_OK) {
		p->running++;
		run->next = p->first;
		p->first = run;
	}
	return e;
}

static void leave(struct probes *p, struct run *run)
{
	take_out(p, run);
	p->running--;
	pthread_cond_broadcast(&p->changed);
}

enum err probes_ask(struct api_call *c, struct span sender, struct span recipient, void (*then)(struct api_call *c))
{
	struct probes *p = c->context->probes;
	struct run *run = run_new(c);
	pthread_attr_t detached;
	pthread_t thread;
	enum err e = run ? prepare(run, sender, recipient) : ERR_TEMP;

	/* Until the lock is let go of nobody tells the call: it is parked by then. */
	if (run)
		pthread_mutex_lock(&p->lock);
	if (e == ERR_OK)
		e = enter(p, run);
	if (e == ERR_OK) {
		c->asked = run;
		call_park(c, then);
		pthread_attr_init(&detached);
		pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
		if (pthread_create(&thread, &detached, run_probe, run) != 0) {
			leave(p, run);
			c->then = NULL;
			e = ERR_TEMP;
		}
		pthread_attr_destroy(&detached);
	}
	if (run)
		pthread_mutex_unlock(&p->lock);
	if (run && e != ERR_OK)
		run_free(run);
	return e;
}

const struct probe *probes_result(const struct api_call *c)
{
	const struct run *run = c->asked;
	bool done;

	pthread_mutex_lock(&run->probes->lock);
	done = run->done;
	pthread_mutex_unlock(&run->probes->lock);
	return done ? &run->result : NULL;
}

void probes_done(struct api_call *c)
{
	struct run *run = c->asked;

	c->asked = NULL;
	let_go(run->probes, run);
}
