/* relay/kept.c: see kept.h.
 *
 *   (relay thread) --put--> IDLE --take--> (relay thread)
 *                            |
 *                            +-- KEPT_MS over --> LEAVING --QUIT, its answer or RELAY_QUIT_MS--> closed
 *   (relay thread) --leave-----------------------^
 *
 * (1) A link belongs to one thread at a time; what is in a slot belongs to nobody, and only under `lock` does it change hands.
 * (2) The thread wakes when the oldest link is due and not for each that comes: links stay equally long, so a later one is due later.
 */
#include "daemon/relay/kept.h"

#include <pthread.h>
#include <stdlib.h>

#include "daemon/base/buf.h"
#include "daemon/base/clock.h"
#include "daemon/base/wait.h"
#include "daemon/crypto/digest.h"
#include "daemon/directory/directory.h"

#define SLOTS (2 * KEPT_MAX) /* idle ones, and those that leave */
#define KEY_TEXT_MAX (256u * 1024u)

struct slot {
	struct kept_link link;
	int64_t since_ms;
	bool used, leaving;
};

struct kept {
	int cancel_fd;
	pthread_t thread;
	pthread_cond_t work;
	pthread_mutex_t lock; /* guards what follows */
	struct slot slots[SLOTS];
	unsigned idle;
	int64_t wakes_ms; /* when the thread does so by itself; INT64_MAX: not */
	bool stopping;
};

/* ---- keys ---- */

static void add_bytes(struct buf *b, const void *bytes, size_t len)
{
	buf_addf(b, "%zu:", len);
	buf_add(b, span_make(bytes, len));
}

static void add_span(struct buf *b, struct span s)
{
	add_bytes(b, s.ptr, s.len);
}

static void add_address(struct buf *b, const struct net_addr *a)
{
	buf_addf(b, "%d %u ", (int)a->family, (unsigned)a->port);
	add_bytes(b, a->ip, sizeof(a->ip));
}

static void add_plan(struct buf *b, const struct tls_plan *plan)
{
	buf_addf(b, "%d %d %d %d %d ", (int)plan->demand, (int)plan->kind, plan->sts_testing, plan->sts_enforced, plan->mx_secure);
	for (size_t i = 0; i < plan->name_count; i++)
		add_span(b, span_str(plan->names[i]));
	for (size_t i = 0; i < plan->tlsa_count; i++) {
		buf_addf(b, "|%u %u %u ", (unsigned)plan->tlsa[i].usage, (unsigned)plan->tlsa[i].selector, (unsigned)plan->tlsa[i].matching);
		add_span(b, plan->tlsa[i].data);
	}
}

bool kept_key(const struct relay_job *job, const struct route_target *target, const struct tls_plan *plan, uint8_t out[KEPT_KEY_BYTES])
{
	struct buf text;
	bool done;

	buf_init(&text, KEY_TEXT_MAX);
	add_address(&text, &target->addr);
	add_span(&text, span_str(target->host));
	add_span(&text, job->helo);
	add_address(&text, target->addr.family == NET_IPV6 ? &job->source6 : &job->source4);
	add_plan(&text, plan);
	if (job->via) {
		buf_addf(&text, "via %d ", (int)job->via->tls);
		add_span(&text, job->via->user);
		add_span(&text, job->via->password);
	}
	done = !text.failed;
	if (done)
		crypto_sha256(buf_span(&text), out);
	buf_wipe(&text);
	return done;
}

/* ---- ending them ---- */

static void say_quit(struct kept_link *link)
{
	struct note why;

	if (stream_write(link->stream, SPAN("QUIT\r\n"), KEPT_FLUSH_MS, &why) != ERR_OK || stream_flush(link->stream, KEPT_FLUSH_MS, &why) != ERR_OK)
		stream_close(&link->stream);
}

/* RFC 5321 4.1.1.10: the connection is closed when QUIT was answered; one who doesn't answer keeps nobody waiting. */
static void end_links(struct kept_link *links, size_t count)
{
	int64_t until_ms, left_ms;
	struct answer answer;
	struct note why;

	for (size_t i = 0; i < count; i++)
		say_quit(&links[i]);
	until_ms = clock_mono_ms() + RELAY_QUIT_MS;
	for (size_t i = 0; i < count; i++) {
		left_ms = until_ms - clock_mono_ms();
		if (links[i].stream && answer_read(links[i].stream, left_ms, &answer, NULL, NULL, &why) != ERR_OK)
			why.text[0] = '\0';
		stream_close(&links[i].stream);
	}
}

/* With the lock held. Moves the links that are due out of their slots, and sets when the next one is. */
static size_t collect_due(struct kept *k, struct kept_link links[SLOTS])
{
	int64_t now_ms = clock_mono_ms();
	size_t count = 0;

	k->wakes_ms = INT64_MAX;
	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!s->used)
			continue;
		if (!s->leaving && !k->stopping && s->since_ms + KEPT_MS > now_ms) {
			if (s->since_ms + KEPT_MS < k->wakes_ms)
				k->wakes_ms = s->since_ms + KEPT_MS;
			continue;
		}
		k->idle -= !s->leaving;
		links[count++] = s->link;
		memset(s, 0, sizeof(*s));
	}
	return count;
}

static void *kept_main(void *arg)
{
	struct kept *k = arg;
	struct kept_link links[SLOTS];
	size_t count;
	bool stopping;

	stream_thread_cancel(k->cancel_fd);
	pthread_mutex_lock(&k->lock);
	for (;;) {
		stopping = k->stopping;
		count = collect_due(k, links);
		if (count > 0) {
			pthread_mutex_unlock(&k->lock);
			end_links(links, count);
			pthread_mutex_lock(&k->lock);
		} else if (stopping) {
			break;
		} else {
			(void)wait_for(&k->work, &k->lock, k->wakes_ms == INT64_MAX ? -1 : k->wakes_ms - clock_mono_ms());
		}
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

/* ---- what relay threads do ---- */

enum err kept_new(int cancel_fd, struct kept **out)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		return ERR_TEMP;
	k->cancel_fd = cancel_fd;
	k->wakes_ms = INT64_MAX;
	if (wait_init(&k->work) != ERR_OK) {
		free(k);
		return ERR_TEMP;
	}
	pthread_mutex_init(&k->lock, NULL);
	if (pthread_create(&k->thread, NULL, kept_main, k) != 0) {
		pthread_cond_destroy(&k->work);
		pthread_mutex_destroy(&k->lock);
		free(k);
		return ERR_TEMP;
	}
	*out = k;
	return ERR_OK;
}

void kept_free(struct kept **k)
{
	struct kept *gone = *k;

	*k = NULL;
	if (!gone)
		return;
	pthread_mutex_lock(&gone->lock);
	gone->stopping = true;
	pthread_cond_signal(&gone->work);
	pthread_mutex_unlock(&gone->lock);
	pthread_join(gone->thread, NULL);
	pthread_cond_destroy(&gone->work);
	pthread_mutex_destroy(&gone->lock);
	free(gone);
}

static void close_now(struct kept_link *link)
{
	say_quit(link);
	stream_close(&link->stream);
}

/* The one that was last used: the others may then leave. Its time may be over and the thread not yet awake. */
static bool take_link(struct kept *k, const uint8_t key[KEPT_KEY_BYTES], struct kept_link *out)
{
	int64_t now_ms = clock_mono_ms();
	struct slot *best = NULL;

	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < SLOTS && k->idle > 0; i++) {
		struct slot *s = &k->slots[i];

		if (s->used && !s->leaving && s->since_ms + KEPT_MS > now_ms && memcmp(s->link.key, key, KEPT_KEY_BYTES) == 0 && (!best || s->since_ms > best->since_ms))
			best = s;
	}
	if (best) {
		*out = best->link;
		memset(best, 0, sizeof(*best));
		k->idle--;
	}
	pthread_mutex_unlock(&k->lock);
	return best != NULL;
}

bool kept_take(struct kept *k, const uint8_t key[KEPT_KEY_BYTES], struct kept_link *out)
{
	while (take_link(k, key, out)) {
		if (stream_is_quiet(out->stream))
			return true;
		stream_close(&out->stream);
	}
	return false;
}

/* With the lock held. Null: no room. */
static struct slot *find_slot(struct kept *k, const struct kept_link *link, bool leaving)
{
	struct slot *unused = NULL;
	unsigned same = 0;

	for (size_t i = 0; i < SLOTS; i++) {
		struct slot *s = &k->slots[i];

		if (!s->used)
			unused = s;
		else if (!s->leaving && memcmp(s->link.key, link->key, KEPT_KEY_BYTES) == 0)
			same++;
	}
	if (k->stopping || (!leaving && (same >= KEPT_PER_KEY || k->idle >= KEPT_MAX)))
		return NULL;
	return unused;
}

static bool give_link(struct kept *k, struct kept_link *link, bool leaving)
{
	struct slot *s;

	pthread_mutex_lock(&k->lock);
	s = find_slot(k, link, leaving);
	if (s) {
		*s = (struct slot){ .link = *link, .since_ms = clock_mono_ms(), .used = true, .leaving = leaving };
		k->idle += !leaving;
		if (leaving || k->wakes_ms > s->since_ms + KEPT_MS)
			pthread_cond_signal(&k->work);
	}
	pthread_mutex_unlock(&k->lock);
	return s != NULL;
}

void kept_put(struct kept *k, struct kept_link *link)
{
	if (!give_link(k, link, false))
		kept_leave(k, link);
	link->stream = NULL;
}

void kept_leave(struct kept *k, struct kept_link *link)
{
	if (!give_link(k, link, true))
		close_now(link);
	link->stream = NULL;
}
