/* Webhooks: how deliveries are signed, when they are tried again, when they are given up; all on the fake clock, to a port that nobody listens on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/base/encode.h"
#include "daemon/base/log.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"
#include "daemon/net/fetch.h"
#include "daemon/ops/event_json.h"
#include "daemon/ops/webhook_rows.h"
#include "daemon/ops/webhook_sign.h"
#include "daemon/ops/webhooks.h"
#include "db/control_webhook.h"
#include "db/db.h"

#define URL "http://127.0.0.1:1/hook"

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *directory;
	struct events *events;
	struct webhooks *webhooks;
	uint64_t hook;
	struct arena arena;
};

static void nap_pause(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

#define WAIT_UNTIL(condition)                                      \
	do {                                                       \
		for (int turn_ = 0; !(condition); turn_++) {       \
			if (turn_ > 20000)                         \
				fail_msg("never: %s", #condition); \
			nap_pause();                               \
		}                                                  \
	} while (0)

static void start(struct place *p)
{
	const struct webhooks_config config = { .directory = p->directory, .events = p->events };

	assert_int_equal(webhooks_new(&config, &p->webhooks, NULL), ERR_OK);
}

static int setup(void **state)
{
	struct directory_setup names = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("$hash$") };
	struct place *p = calloc(1, sizeof(*p));
	struct directory_config directory = { 0 };
	struct events_config events = { 0 };
	struct span types[] = { SPAN("user.*") };
	struct webhook hook = { .url = SPAN(URL), .types = types, .type_count = 1, .enabled = true };
	struct buf secret;

	clock_set_source(&clock_fake);
	log_set_level(LOG_ERROR);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/postroom-webhooks-XXXXXX");
	if (!mkdtemp(p->dir) || db_init() || fetch_init())
		return -1;
	(void)snprintf(p->path, sizeof(p->path), "%s/control.db", p->dir);
	seal_key_random(&p->key);
	arena_init(&p->arena, 16u << 20);
	directory.path = p->path;
	directory.key = &p->key;
	assert_int_equal(directory_open(&directory, &p->directory, NULL), ERR_OK);
	assert_int_equal(directory_setup(p->directory, &names, NULL), ERR_OK);
	assert_int_equal(directory_setting_set(p->directory, SETTING_WEBHOOKS_TO_PRIVATE_ADDRESSES, SPAN("true"), NULL), ERR_OK);
	events.directory = p->directory;
	assert_int_equal(events_new(&events, &p->events, NULL), ERR_OK);
	buf_init(&secret, 128);
	assert_int_equal(webhook_add(p->directory, &hook, 0, &p->hook, &secret, NULL), ERR_OK);
	assert_int_equal(secret.len, 6 + 44);
	buf_wipe(&secret);
	start(p);
	*state = p;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static int teardown(void **state)
{
	struct place *p = *state;

	webhooks_free(&p->webhooks);
	events_free(&p->events);
	directory_close(&p->directory);
	arena_clear(&p->arena);
	(void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static void raise_user(struct place *p, const char *address)
{
	events_raise(p->events, &(struct event){ .type = EVENT_USER_CHANGED, .subject = span_str(address), .domain = SPAN("example.test") });
}

static size_t list(struct place *p, struct delivery **out)
{
	size_t count = 0;

	assert_int_equal(delivery_list(p->directory, p->hook, -1, 0, 100, &p->arena, out, &count), ERR_OK);
	return count;
}

/* The delivery of the oldest event, once it has had so many attempts. */
static struct delivery after_attempts(struct place *p, unsigned attempts)
{
	struct delivery *all = NULL;

	WAIT_UNTIL(list(p, &all) > 0 && all[0].attempts >= attempts);
	assert_int_equal(all[0].attempts, attempts);
	return all[0];
}

static void signatures_are_those_of_standard_webhooks(void **state)
{
	struct buf key, out;
	struct span secrets[2] = { SPAN(""), SPAN("") };

	(void)state;
	buf_init(&key, 64);
	buf_init(&out, 256);
	assert_int_equal(base64_decode(SPAN("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key), ERR_OK);
	secrets[1] = buf_span(&key);
	webhook_sign(secrets, 2, SPAN("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, SPAN("{\"test\": 2432232314}"), &out);
	assert_string_equal(buf_cstr(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_reset(&out);
	secrets[0] = buf_span(&key);
	webhook_sign(secrets, 2, SPAN("msg_p5jXN8AQM9LWM0D4loKWxJek"), 1614265330, SPAN("{\"test\": 2432232314}"), &out);
	assert_string_equal(buf_cstr(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	buf_clear(&out);
	buf_clear(&key);
}

static void pauses_grow_to_sixteen_hours_and_then_it_is_given_up(void **state)
{
	static const int minutes[] = { 1, 2, 4, 8, 15, 30, 60, 120, 240, 480, 960 };
	const unsigned tries = sizeof(minutes) / sizeof(minutes[0]);
	struct place *p = *state;
	struct delivery d;

	raise_user(p, "bob@example.test");
	for (unsigned i = 0; i < tries; i++) {
		d = after_attempts(p, i + 1);
		assert_int_equal(d.state, DELIVERY_WAITING);
		assert_in_range(d.next_ms - d.last_ms, minutes[i] * 54000LL, minutes[i] * 66000LL);
		clock_fake_advance_ms(d.next_ms - clock_real_ms());
		webhooks_kick(p->webhooks);
	}
	d = after_attempts(p, tries + 1);
	assert_int_equal(d.state, DELIVERY_GIVEN_UP);
	assert_int_equal(d.next_ms, 0);
}

struct heard {
	unsigned failing;
};

static bool hear(void *arg, const struct event *event)
{
	((struct heard *)arg)->failing += event->type == EVENT_WEBHOOK_FAILING;
	return true;
}

static unsigned failing_told(struct place *p)
{
	struct heard h = { 0 };
	bool lost;

	assert_int_equal(events_read(p->events, 0, 1000, hear, &h, &lost), ERR_OK);
	return h.failing;
}

static void failing_is_told_once(void **state)
{
	struct place *p = *state;
	struct webhook w;

	raise_user(p, "bob@example.test");
	raise_user(p, "carl@example.test");
	WAIT_UNTIL(failing_told(p) == 1);
	clock_fake_advance_ms(70000);
	webhooks_kick(p->webhooks);
	(void)after_attempts(p, 2);
	assert_int_equal(failing_told(p), 1);
	assert_int_equal(webhook_find(p->directory, p->hook, &p->arena, &w), ERR_OK);
	assert_true(w.failing);
}

static void one_that_waits_holds_back_its_subject_only(void **state)
{
	struct place *p = *state;
	struct delivery *all = NULL;

	raise_user(p, "bob@example.test");
	(void)after_attempts(p, 1);
	raise_user(p, "bob@example.test");
	raise_user(p, "carl@example.test");
	WAIT_UNTIL(list(p, &all) == 3 && all[0].attempts == 1); /* the newest first */
	assert_int_equal(all[1].attempts, 0);
	assert_int_equal(all[2].attempts, 1);
}

static void what_waits_survives_a_restart_and_comes_once_more(void **state)
{
	struct place *p = *state;
	struct delivery d;

	raise_user(p, "bob@example.test");
	d = after_attempts(p, 1);
	webhooks_free(&p->webhooks);
	raise_user(p, "carl@example.test");
	start(p);
	WAIT_UNTIL(after_attempts(p, 1).id > d.id);
	assert_int_equal(delivery_find(p->directory, p->hook, d.id, &p->arena, &d), ERR_OK);
	assert_int_equal(d.attempts, 1);
	assert_int_equal(delivery_again(p->directory, p->hook, d.id), ERR_OK);
	webhooks_kick(p->webhooks);
	WAIT_UNTIL(delivery_find(p->directory, p->hook, d.id, &p->arena, &d) == ERR_OK && d.last_ms && d.attempts == 1 && d.next_ms > clock_real_ms());
}

static void old_deliveries_leave_the_log(void **state)
{
	struct place *p = *state;
	struct delivery *all = NULL;

	raise_user(p, "bob@example.test");
	for (unsigned i = 0; i < 12; i++) {
		struct delivery d = after_attempts(p, i + 1);

		if (d.state == DELIVERY_GIVEN_UP)
			break;
		clock_fake_advance_ms(d.next_ms - clock_real_ms());
		webhooks_kick(p->webhooks);
	}
	clock_fake_advance_ms(31LL * 86400000);
	webhooks_kick(p->webhooks);
	WAIT_UNTIL(list(p, &all) == 0);
}

/* More than the thread removes at a time, finished long ago. */
static enum err add_many(struct db *db, void *arg)
{
	const struct place *p = arg;
	struct db_delivery row = { .webhook = p->hook, .event = 1, .subject = SPAN("x"), .type = SPAN("user.changed"), .payload = SPAN("{}"), .next_ms = 1, .last_ms = 1, .last_error = SPAN("") };
	enum err e = ERR_OK;

	for (int i = 0; i < 5000 && !e; i++) {
		row.state = DB_DELIVERY_WAITING;
		e = db_delivery_add(db, &row, &row.id);
		row.state = DB_DELIVERY_DONE;
		if (!e)
			e = db_delivery_update(db, &row);
	}
	return e;
}

static bool is_trimmed_a_moment_later(struct place *p)
{
	struct delivery *all = NULL;

	clock_fake_advance_ms(100);
	webhooks_kick(p->webhooks);
	return list(p, &all) == 0;
}

static void however_many_are_finished_the_log_is_trimmed_within_the_hour(void **state)
{
	struct place *p = *state;
	struct delivery *all = NULL;
	int64_t began_ms;

	assert_int_equal(directory_write(p->directory, add_many, p, NULL), ERR_OK);
	assert_int_equal(list(p, &all), 100);
	clock_fake_advance_ms(3600000);
	began_ms = clock_mono_ms();
	WAIT_UNTIL(is_trimmed_a_moment_later(p));
	assert_true(clock_mono_ms() - began_ms < 3600000);
}

static void a_disabled_one_gets_nothing_and_begins_anew(void **state)
{
	struct place *p = *state;
	struct delivery *all = NULL;
	struct webhook w;

	assert_int_equal(webhook_find(p->directory, p->hook, &p->arena, &w), ERR_OK);
	w.enabled = false;
	assert_int_equal(webhook_set(p->directory, &w, events_last_id(p->events), NULL), ERR_OK);
	webhooks_kick(p->webhooks);
	raise_user(p, "bob@example.test");
	w.enabled = true;
	assert_int_equal(webhook_set(p->directory, &w, events_last_id(p->events), NULL), ERR_OK);
	webhooks_kick(p->webhooks);
	raise_user(p, "carl@example.test");
	WAIT_UNTIL(list(p, &all) == 1);
	assert_memory_equal(all[0].subject.ptr, "carl@example.test", 17);
}

static void events_are_one_line_of_json(void **state)
{
	struct event event = { .id = 7, .at_ms = 1767225600000, .type = EVENT_MESSAGE_REJECTED, .subject = SPAN("a\"b\n\xff"), .fields = { { "reply", SPAN("550 5.1.1 \xc3\xa4\x01") } }, .field_count = 1 };
	struct buf out;

	(void)state;
	buf_init(&out, 4096);
	assert_true(event_json(&event, &out));
	assert_string_equal(buf_cstr(&out), "{\"id\":7,\"type\":\"message.rejected\",\"time\":\"2026-01-01T00:00:00.000Z\",\"subject\":\"a\\\"b\\n\xef\xbf\xbd\",\"domain\":null,\"data\":{\"reply\":\"550 5.1.1 \xc3\xa4\\u0001\"}}");
	buf_clear(&out);
	assert_true(event_pattern_fits(SPAN("message.*"), EVENT_MESSAGE_REJECTED));
	assert_false(event_pattern_fits(SPAN("message"), EVENT_MESSAGE_REJECTED));
	assert_false(event_pattern_is_known(SPAN("")));
	assert_false(event_pattern_is_known(SPAN(".*")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_those_of_standard_webhooks),
		TEST(pauses_grow_to_sixteen_hours_and_then_it_is_given_up),
		TEST(failing_is_told_once),
		TEST(one_that_waits_holds_back_its_subject_only),
		TEST(what_waits_survives_a_restart_and_comes_once_more),
		TEST(old_deliveries_leave_the_log),
		TEST(however_many_are_finished_the_log_is_trimmed_within_the_hour),
		TEST(a_disabled_one_gets_nothing_and_begins_anew),
		cmocka_unit_test(events_are_one_line_of_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
