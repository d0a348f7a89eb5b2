/* The doctor: when nights begin, whose turn it is, what is kept and raised, and that a check leaves at a stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/base/log.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/events/events.h"
#include "daemon/ops/doctor.h"
#include "daemon/ops/night.h"
#include "daemon/store/store.h"
#include "db/control_check.h"
#include "db/stmt.h"

#define HOUR_MS INT64_C(3600000)

struct place {
	char dir[64], control[96], accounts[96], queue[96];
	struct seal_key key;
	struct directory *directory;
	struct events *events;
	struct store *store;
	struct doctor *doctor;
	uint64_t ann, bob;
	struct arena arena;
};

static atomic_uint nights_left;

/* At once, so often; then never. */
static int64_t night_now(int64_t now_ms)
{
	if (atomic_load(&nights_left) == 0)
		return now_ms + 1000 * HOUR_MS;
	atomic_fetch_sub(&nights_left, 1);
	return now_ms;
}

static int setup(void **state)
{
	struct directory_setup names = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("$hash$") };
	struct place *p = calloc(1, sizeof(*p));
	struct directory_config directory = { 0 };
	struct store_config store = { .max_open = 4 };
	struct events_config events = { 0 };
	struct mailstore *m;

	log_set_level(LOG_ERROR);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/postroom-doctor-XXXXXX");
	if (!mkdtemp(p->dir) || db_init())
		return -1;
	(void)snprintf(p->control, sizeof(p->control), "%s/control.db", p->dir);
	(void)snprintf(p->accounts, sizeof(p->accounts), "%s/accounts", p->dir);
	(void)snprintf(p->queue, sizeof(p->queue), "%s/queue.db", p->dir);
	seal_key_random(&p->key);
	arena_init(&p->arena, 1u << 20);
	directory.path = p->control;
	directory.key = &p->key;
	store.accounts_dir = p->accounts;
	assert_int_equal(directory_open(&directory, &p->directory, NULL), ERR_OK);
	assert_int_equal(directory_setup(p->directory, &names, NULL), ERR_OK);
	assert_int_equal(directory_account_add(p->directory, SPAN("bob@example.test"), SPAN("$hash$"), ROLE_USER, &p->bob, NULL), ERR_OK);
	p->ann = p->bob - 1;
	events.directory = p->directory;
	assert_int_equal(events_new(&events, &p->events, NULL), ERR_OK);
	assert_int_equal(store_new(&store, &p->store, NULL), ERR_OK);
	assert_int_equal(store_open(p->store, p->bob, &m, NULL), ERR_OK);
	store_close(&m);
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

	doctor_free(&p->doctor);
	store_free(&p->store);
	events_free(&p->events);
	directory_close(&p->directory);
	arena_clear(&p->arena);
	(void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}

static void start(struct place *p, unsigned nights)
{
	const struct doctor_config config = { .directory = p->directory, .store = p->store, .queue_path = p->queue, .events = p->events, .has_nights = nights > 0, .next_night = night_now };

	atomic_store(&nights_left, nights);
	assert_int_equal(doctor_new(&config, &p->doctor, NULL), ERR_OK);
}

static void ruin_counters(struct place *p)
{
	char path[160];
	struct db *db;

	(void)snprintf(path, sizeof(path), "%s/%llu/mail.db", p->accounts, (unsigned long long)p->bob);
	assert_int_equal(db_open(path, &db_schema_mail, DB_WRITE, &db, NULL), ERR_OK);
	assert_int_equal(db_run_script(db, "UPDATE mailbox SET messages = 7 WHERE name = 'INBOX'", NULL), ERR_OK);
	db_close(&db);
}

struct reading {
	struct place *p;
	uint64_t account;
	struct db_check row;
};

static enum err read_row(struct db *db, void *arg)
{
	struct reading *r = arg;

	return db_check_find(db, r->account, &r->p->arena, &r->row);
}

static bool is_checked(struct place *p, uint64_t account, struct db_check *out)
{
	struct reading r = { .p = p, .account = account };
	bool is = directory_read(p->directory, read_row, &r) == ERR_OK;

	*out = r.row;
	return is;
}

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static bool at_once(void *arg)
{
	(void)arg;
	return true;
}

static bool count_damaged(void *arg, const struct event *e)
{
	unsigned *count = arg;

	if (e->type == EVENT_ACCOUNT_DAMAGED && span_equals(e->subject, SPAN("bob@example.test")) && span_equals(e->domain, SPAN("example.test")))
		++*count;
	return true;
}

static unsigned damaged(struct place *p)
{
	unsigned count = 0;
	bool lost;

	assert_int_equal(events_read(p->events, 0, 100, count_damaged, &count, &lost), ERR_OK);
	return count;
}

static void result_is_kept_and_faults_are_raised(void **state)
{
	struct place *p = *state;
	struct doctor_result result;
	struct db_check row;

	start(p, 0);
	assert_int_equal(doctor_check(p->doctor, p->bob, (struct doctor_wish){ .repairs = false }, never, NULL, &result, NULL), ERR_OK);
	assert_int_equal(result.faults, 0);
	assert_true(is_checked(p, p->bob, &row));
	assert_true(row.is_whole && !row.repairs && row.faults == 0 && span_equals(row.findings, SPAN("[]")));
	assert_int_equal(damaged(p), 0);
	ruin_counters(p);
	assert_int_equal(doctor_check(p->doctor, p->bob, (struct doctor_wish){ .repairs = true }, never, NULL, &result, NULL), ERR_OK);
	assert_int_equal(result.faults, 1);
	assert_int_equal(result.repaired, 1);
	assert_string_equal(result.words.text, "1 fault, 1 repaired: counters");
	assert_true(is_checked(p, p->bob, &row));
	assert_true(row.faults == 1 && row.repaired == 1);
	assert_int_equal(damaged(p), 1);
	assert_int_equal(doctor_check(p->doctor, p->ann, (struct doctor_wish){ .repairs = true }, never, NULL, &result, NULL), ERR_NOT_FOUND);
}

static void interrupted_check_says_so(void **state)
{
	struct place *p = *state;
	struct doctor_result result;
	struct db_check row;

	start(p, 0);
	assert_int_equal(doctor_check(p->doctor, p->bob, (struct doctor_wish){ .repairs = true }, at_once, NULL, &result, NULL), ERR_STATE);
	assert_true(is_checked(p, p->bob, &row) && !row.is_whole);
	doctor_stop(p->doctor);
	assert_int_equal(doctor_check(p->doctor, p->bob, (struct doctor_wish){ .repairs = true }, never, NULL, &result, NULL), ERR_STATE);
}

static void each_night_takes_who_waited_longest_and_repairs(void **state)
{
	struct place *p = *state;
	struct db_check ann = { 0 }, bob = { 0 };

	ruin_counters(p);
	start(p, 2);
	for (int turn = 0; !is_checked(p, p->ann, &ann) || !is_checked(p, p->bob, &bob); turn++) {
		if (turn > 20000)
			fail_msg("never");
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	assert_true(bob.repaired == 1 && bob.repairs && bob.is_whole);
	doctor_stop(p->doctor);
	assert_int_equal(atomic_load(&nights_left), 0);
}

static void nights_begin_between_two_and_four(void **state)
{
	int64_t now_ms = INT64_C(1790000000000), first = 0;
	bool differs = false;

	(void)state;
	for (int i = 0; i < 200; i++) {
		int64_t at_ms = night_next(now_ms);
		time_t at = (time_t)(at_ms / 1000);
		struct tm local;

		assert_non_null(localtime_r(&at, &local));
		assert_in_range(local.tm_hour, 2, 3);
		assert_true(at_ms > now_ms && at_ms <= now_ms + 26 * HOUR_MS);
		differs |= first && at_ms % (24 * HOUR_MS) != first;
		first = at_ms % (24 * HOUR_MS);
		now_ms += 7 * HOUR_MS;
	}
	assert_true(differs);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(result_is_kept_and_faults_are_raised),
		TEST(interrupted_check_says_so),
		TEST(each_night_takes_who_waited_longest_and_repairs),
		cmocka_unit_test(nights_begin_between_two_and_four),
	};

	return cmocka_run_group_tests_name("ops/doctor", tests, NULL, NULL);
}
