/* Everything at once: servers that take, put off and refuse at random, operators who steer at random, restarts between. In the end each recipient
 * has ended once, and the counts agree with the lists all the way. STORM_SEED chooses another storm, STORM_ROUNDS a longer one. */
#include "tests/unit/queue/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "daemon/queue/steer_account.h"
#include "daemon/queue/steering.h"

#define ROUNDS 4
#define ROUNDS_MAX 100
#define MESSAGES 40 /* a round */
#define STEERS 80   /* a round and thread */
#define THREADS 3
#define RECIPIENTS 4
#define MESSAGES_MAX (ROUNDS_MAX * MESSAGES)

struct sent {
	struct queue_id id;
	size_t count;                  /* recipients outside */
	atomic_uint taken[RECIPIENTS]; /* by servers */
	unsigned told[RECIPIENTS];     /* failures in notices */
	atomic_bool deleted;
};

static struct sent sent[MESSAGES_MAX];
static atomic_size_t sent_count;
static _Atomic uint64_t dice_state;
static atomic_bool calm; /* everybody takes everything */
static atomic_uint wrong;

static unsigned dice(unsigned sides)
{
	uint64_t x = atomic_fetch_add(&dice_state, 0x9e3779b97f4a7c15ull);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (unsigned)((x ^ (x >> 31)) % sides);
}

/* "m12r3@..." */
static bool read_name(const char *text, unsigned *message, unsigned *recipient)
{
	return sscanf(text, "m%ur%u@", message, recipient) == 2 && *message < atomic_load(&sent_count) + 1 && *recipient < RECIPIENTS;
}

static void answer_one(struct relay_recipient *r, unsigned throw)
{
	unsigned message, recipient;
	char name[64];

	r->remote = true;
	r->host = SPAN("mx.other.test");
	(void)snprintf(name, sizeof(name), "%.*s", (int)r->address.len, r->address.ptr);
	if (throw < 4) {
		r->outcome = RELAY_RETRY;
		memcpy(r->status, "4.2.0", 6);
		r->reply = SPAN("451 4.2.0 later");
	} else if (throw < 5) {
		r->outcome = RELAY_FAILED;
		memcpy(r->status, "5.7.1", 6);
		r->reply = SPAN("550 5.7.1 no");
	} else {
		r->outcome = RELAY_DELIVERED;
		memcpy(r->status, "2.0.0", 6);
		r->reply = SPAN("250 ok");
		if (!read_name(name, &message, &recipient) || atomic_fetch_add(&sent[message].taken[recipient], 1) != 0)
			atomic_fetch_add(&wrong, 1);
	}
}

static void serve(struct relay_job *job)
{
	bool dead = !atomic_load(&calm) && dice(4) == 0;

	if (dice(8) == 0)
		fixture_pause();
	job->answered = !dead;
	for (size_t i = 0; i < job->recipient_count; i++)
		answer_one(&job->recipients[i], dead ? 0 : atomic_load(&calm) ? 9
									      : dice(10));
}

static void send_one(struct fixture *f)
{
	struct mail mail = { .from = "bob@example.test", .source = FROM_SUBMISSION, .priority = dice(3) ? 0 : (int)dice(19) - 9 };
	size_t n = atomic_load(&sent_count), given = 0;
	char names[RECIPIENTS][64];

	sent[n].count = 1 + dice(RECIPIENTS - 1);
	for (; given < sent[n].count; given++) {
		(void)snprintf(names[given], sizeof(names[given]), "m%zur%zu@d%u.test", n, given, dice(4));
		mail.to[given] = names[given];
	}
	mail.to[given] = "ann@example.test";
	if (dice(6) == 0)
		mail.release_ms = clock_real_ms() + 600000;
	if (dice(6) == 0) {
		mail.deliver_by_ms = clock_real_ms() + 1800000;
		mail.deliver_by = dice(2) ? BY_RETURN : BY_NOTIFY;
	}
	/* Servers may see it before its number is known here. */
	sent[n].id = fixture_send(f, &mail);
	atomic_store(&sent_count, n + 1);
}

/* There may be nothing to do. */
static void may_fail(enum err e)
{
	if (e != ERR_OK && e != ERR_NOT_FOUND && e != ERR_TEMP)
		atomic_fetch_add(&wrong, 1);
}

static void steer_destination(struct fixture *f)
{
	struct queue_pause pause = { .destination = dice(2) ? SPAN("d0.test") : SPAN("d1.test"), .created_ms = clock_real_ms(), .until_ms = dice(2) ? 0 : clock_real_ms() + 1000 };

	if (dice(2))
		may_fail(queue_pause_set(f->queue, &pause, NULL));
	else
		may_fail(queue_pause_end(f->queue, pause.destination));
}

static void steer_account(struct fixture *f)
{
	uint64_t messages;

	if (dice(3) == 0)
		(void)steer_account_hold(f->queue, f->bob);
	else
		may_fail(steer_account_release(f->queue, f->bob, false, &messages, NULL));
}

static void look_around(struct fixture *f)
{
	struct queue_filter filter = { .recipient = SPAN("@d2.test"), .error = SPAN("later") };
	struct queue_destination *destinations;
	struct queue_entry *list;
	struct queue_id last;
	struct arena a;
	size_t count;
	bool more;

	arena_init(&a, 16u << 20);
	if (queue_list(f->queue, dice(2) ? &filter : NULL, NULL, 50, &a, &list, &count, &last, &more))
		atomic_fetch_add(&wrong, 1);
	if (queue_destinations(f->queue, &a, &destinations, &count))
		atomic_fetch_add(&wrong, 1);
	arena_clear(&a);
}

static void steer_message(struct fixture *f, unsigned throw)
{
	static const enum queue_action actions[] = { QUEUE_RETRY, QUEUE_RETRY, QUEUE_HOLD, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_RELEASE, QUEUE_RELEASE, QUEUE_ROUTE, QUEUE_ROUTE, QUEUE_EXPIRE, QUEUE_BOUNCE, QUEUE_DELETE };
	struct queue_filter filter = { .recipient = dice(2) ? SPAN("@d1.test") : SPAN("@d3.test") };
	struct queue_order order = { .action = actions[throw % (sizeof(actions) / sizeof(actions[0]))], .filter = dice(2) ? &filter : NULL };
	size_t count = atomic_load(&sent_count), n = count < 2 * MESSAGES ? dice((unsigned)count) : count - 1 - dice(2 * MESSAGES);
	enum err e;

	order.route = dice(2) ? SPAN("way.test:2525") : SPAN("");
	order.expires_ms = clock_real_ms() + (int64_t)dice(7200000) + 1;
	if (order.action == QUEUE_DELETE)
		atomic_store(&sent[n].deleted, true);
	e = queue_steer(f->queue, &sent[n].id, &order, NULL, NULL);
	if (e && e != ERR_NOT_FOUND && e != ERR_STATE && e != ERR_TEMP)
		atomic_fetch_add(&wrong, 1);
}

static void *operate(void *arg)
{
	struct fixture *f = arg;

	for (unsigned i = 0; i < STEERS; i++) {
		unsigned throw = dice(20);

		if (throw == 0)
			steer_destination(f);
		else if (throw == 1)
			steer_account(f);
		else if (throw < 4)
			look_around(f);
		else
			steer_message(f, throw);
		if (dice(10) == 0)
			fixture_advance(f, 60000);
	}
	return NULL;
}

/* Open recipients, as a list has them. */
static bool counts_agree(struct fixture *f)
{
	struct queue_stats before = queue_stats(f->queue), after;
	uint64_t waiting = 0, active = 0, held = 0;
	struct queue_entry *list;
	struct queue_id last;
	struct arena a;
	size_t count;
	bool more;

	arena_init(&a, 64u << 20);
	assert_int_equal(queue_list(f->queue, NULL, NULL, MESSAGES_MAX, &a, &list, &count, &last, &more), ERR_OK);
	for (size_t i = 0; i < count; i++) {
		for (size_t n = 0; n < list[i].recipient_count; n++) {
			waiting += list[i].recipients[n].state == RECIPIENT_WAITING;
			active += list[i].recipients[n].state == RECIPIENT_ACTIVE;
			held += list[i].recipients[n].state == RECIPIENT_HELD;
		}
	}
	arena_clear(&a);
	after = queue_stats(f->queue);
	return before.waiting == waiting && before.active == active && before.held == held && before.messages == count && after.waiting == waiting && after.held == held;
}

static void storm(struct fixture *f)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < MESSAGES / 2; i++)
		send_one(f);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, operate, f), 0);
	for (unsigned i = 0; i < MESSAGES / 2; i++)
		send_one(f);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	WAIT_UNTIL(counts_agree(f));
}

static void become_calm(struct fixture *f)
{
	uint64_t messages;

	atomic_store(&calm, true);
	may_fail(queue_pause_end(f->queue, SPAN("d0.test")));
	may_fail(queue_pause_end(f->queue, SPAN("d1.test")));
	may_fail(steer_account_release(f->queue, f->bob, false, &messages, NULL));
	for (size_t i = 0; i < atomic_load(&sent_count); i++) {
		enum err e = fixture_steer(f, &sent[i].id, QUEUE_RELEASE);

		assert_true(e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_STATE);
	}
	for (int turn = 0; turn < 2000 && queue_stats(f->queue).messages; turn++) {
		fixture_advance(f, 600000);
		fixture_pause();
	}
	fixture_wait_empty(f);
}

/* What the notices say has failed; how many of ann's. */
static unsigned read_notices(struct fixture *f)
{
	uint32_t count = fixture_count(f, f->bob);
	unsigned ann = 0;

	for (uint32_t i = 1; i <= count; i++) {
		struct span rest = fixture_read(f, f->bob, i);
		size_t at;

		while (span_find(rest, SPAN("\r\nFinal-Recipient: rfc822; "), &at)) {
			unsigned message, recipient;
			struct span field;
			size_t end;

			rest = span_skip(rest, at + SPAN("\r\nFinal-Recipient: rfc822; ").len);
			assert_true(span_find(rest, SPAN("\r\n\r\n"), &end) || (end = rest.len) > 0);
			field = span_take(rest, end);
			if (!span_find(field, SPAN("Action: failed"), &at))
				continue;
			if (read_name(rest.ptr, &message, &recipient))
				sent[message].told[recipient]++;
			else
				ann++;
		}
	}
	return ann;
}

static void every_recipient_ends_once_in_a_storm(void **state)
{
	struct fixture *f = *state;
	const char *seed = getenv("STORM_SEED"), *more = getenv("STORM_ROUNDS");
	unsigned rounds = more ? (unsigned)strtoul(more, NULL, 10) : ROUNDS, ann = 0, deleted = 0, told_ann;

	atomic_store(&dice_state, seed ? strtoull(seed, NULL, 10) : 1);
	fake_relay_set(serve);
	fixture_start(f);
	for (unsigned i = 0; i < rounds && i < ROUNDS_MAX; i++) {
		storm(f);
		fixture_restart(f);
	}
	become_calm(f);
	fixture_restart(f);
	fixture_wait_empty(f); /* notices of what ended last: for a moment neither it nor they are counted */
	assert_int_equal(queue_stats(f->queue).waiting + queue_stats(f->queue).active + queue_stats(f->queue).held, 0);
	told_ann = read_notices(f);
	for (size_t i = 0; i < atomic_load(&sent_count); i++) {
		for (size_t n = 0; n < sent[i].count; n++) {
			unsigned ends = atomic_load(&sent[i].taken[n]) + sent[i].told[n];

			if (ends != 1 && !(ends == 0 && atomic_load(&sent[i].deleted)))
				fail_msg("m%zur%zu: taken %u times, told of %u times", i, n, atomic_load(&sent[i].taken[n]), sent[i].told[n]);
		}
		ann++;
		deleted += atomic_load(&sent[i].deleted);
	}
	assert_in_range(fixture_count(f, f->ann), ann - told_ann - deleted, ann - told_ann);
	assert_int_equal(atomic_load(&wrong), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_recipient_ends_once_in_a_storm, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
