/* ops/doctor.c: consistency checks of accounts, one at a time.
 *
 *   night: WAITING --its minute has come, the machine is idle--> CHECKING --through, or wanted by somebody, or stopped--> WAITING for the next night
 *
 * (1) `lock` is not held while anything is checked. A check that somebody asked for makes the night's leave, and waits for it.
 */
#include "daemon/ops/doctor.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/counter.h"
#include "daemon/base/log.h"
#include "daemon/base/wait.h"
#include "daemon/directory/directory.h"
#include "daemon/events/events.h"
#include "daemon/ops/check_json.h"
#include "daemon/ops/night.h"
#include "daemon/queue/queue.h"
#include "daemon/store/check.h"
#include "daemon/store/renew.h"
#include "daemon/store/seen.h"
#include "db/control_check.h"
#include "db/queue_message.h"

#define LOOK_MS 30000 /* at the clock, which may be set */
#define BUSY_MS (10 * 60 * 1000)
#define NIGHT_MS (3 * 60 * 60 * 1000) /* later than that behind its minute it is not begun any more */
#define NICE 15
#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_LOWEST (2 << 13 | 7)
#define FINDINGS_MAX (512u * 1024u)
#define QUEUE_ARENA_MAX (1u << 20)

struct doctor {
	struct doctor_config config;
	struct db *queue_db; /* without the queue; may be null: there is none */
	atomic_bool stopping;
	atomic_uint wanted; /* checks that somebody asked for: running or waiting */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t changed;
	bool is_checking;
	pthread_t thread;
	bool runs;
};

/* ---- one account ---- */

struct visit {
	struct doctor *d;
	bool (*stop)(void *arg);
	void *arg;
	struct arena arena; /* for the queue's answers */
};

static bool must_stop(void *arg)
{
	const struct visit *v = arg;

	return atomic_load_explicit(&v->d->stopping, memory_order_relaxed) || v->stop(v->arg);
}

static bool is_live(void *arg, const uint8_t queue_id[16])
{
	struct visit *v = arg;
	struct queue_id id;
	struct queue_entry entry;
	struct queue_row row;
	enum err e;

	memcpy(id.bytes, queue_id, sizeof(id.bytes));
	if (v->d->config.queue)
		e = queue_find(v->d->config.queue, &id, &v->arena, &entry);
	else
		e = db_queue_find(v->d->queue_db, id.bytes, &v->arena, &row);
	arena_reset(&v->arena);
	return e != ERR_NOT_FOUND;
}

static void describe(const struct check_report *r, struct doctor_result *out)
{
	size_t len;

	out->messages = r->messages;
	out->faults = check_report_faults(r);
	out->repaired = check_report_repaired(r);
	out->is_whole = r->is_whole;
	out->garbage = 0;
	note_set(&out->words, "%s%" PRIu64 " fault%s, %" PRIu64 " repaired", out->is_renewed ? "renewed; " : "", out->faults, out->faults == 1 ? "" : "s", out->repaired);
	len = strlen(out->words.text);
	for (int i = 0; i < CHECK_FAULT_COUNT; i++) {
		int n;

		if (!r->found[i])
			continue;
		if (check_fault_is_garbage(i)) {
			out->garbage += r->found[i];
			continue;
		}
		n = snprintf(out->words.text + len, sizeof(out->words.text) - len, "%s %s", strchr(out->words.text, ':') ? "," : ":", check_fault_name(i));
		if (n < 0 || (size_t)n >= sizeof(out->words.text) - len)
			break;
		len += (size_t)n;
	}
}

static enum err put_row(struct db *db, void *arg)
{
	return db_check_put(db, arg);
}

/* Whoever was removed meanwhile has no row to be written to. */
static void keep(struct doctor *d, uint64_t account_id, bool repairs, const struct check_report *r, const struct doctor_result *result)
{
	struct db_check row = { .account = account_id, .at_ms = clock_real_ms(), .took_ms = r->took_ms, .is_whole = r->is_whole, .repairs = repairs, .messages = r->messages, .faults = result->faults, .repaired = result->repaired };
	struct note why = { "" };
	struct buf findings;
	enum err e = ERR_LIMIT;

	buf_init(&findings, FINDINGS_MAX);
	if (check_json(r, &findings)) {
		row.findings = buf_span(&findings);
		e = directory_write(d->config.directory, put_row, &row, &why);
	}
	if (e && e != ERR_STATE)
		log_event(LOG_WARN, "doctor", "not_kept", "account=%" PRIu64 " why=%s", account_id, log_quote(span_str(why.text[0] ? why.text : err_name(e))).text);
	buf_clear(&findings);
}

static void tell(struct doctor *d, uint64_t account_id, const struct check_report *r, const struct doctor_result *result)
{
	const struct snapshot *s = directory_hold(d->config.directory);
	const struct account *a = snapshot_account(s, account_id);
	char faults[24], repaired[24];
	struct event event = { .type = EVENT_ACCOUNT_DAMAGED, .field_count = 3 };
	size_t at;

	counter_add(COUNTER_ACCOUNTS_CHECKED, 1);
	counter_add(COUNTER_FAULTS_FOUND, result->faults);
	counter_add(COUNTER_FAULTS_REPAIRED, result->repaired);
	log_event(result->faults ? LOG_ERROR : LOG_INFO, "doctor", "checked", "account=%" PRIu64 " messages=%" PRIu64 " ms=%" PRId64 " whole=%d garbage=%" PRIu64 " result=%s", account_id, r->messages, r->took_ms, r->is_whole,
		  result->garbage, log_quote(span_str(result->words.text)).text);
	if (a && result->faults) {
		(void)snprintf(faults, sizeof(faults), "%" PRIu64, result->faults);
		(void)snprintf(repaired, sizeof(repaired), "%" PRIu64, result->repaired);
		event.subject = a->address;
		event.domain = span_find_char(a->address, '@', &at) ? span_skip(a->address, at + 1) : SPAN("");
		event.fields[0] = (struct event_field){ "faults", span_str(faults) };
		event.fields[1] = (struct event_field){ "repaired", span_str(repaired) };
		event.fields[2] = (struct event_field){ "words", span_str(result->words.text) };
		events_raise(d->config.events, &event);
	}
	snapshot_release(&s);
}

static bool is_account(void *snapshot, uint64_t id)
{
	return snapshot_account(snapshot, id);
}

/* What was seen by who is gone is garbage, not a fault: the next visit gets what this one could not. */
static void forget_readers(struct doctor *d, struct mailstore *m, uint64_t account_id)
{
	const struct snapshot *s = directory_hold(d->config.directory);
	const enum err e = readers_tend(m, is_account, (void *)s);

	if (e)
		log_event(LOG_WARN, "doctor", "readers_kept", "account=%" PRIu64 " why=%s", account_id, err_name(e));
	snapshot_release(&s);
}

static enum err check(struct visit *v, uint64_t account_id, struct doctor_wish wish, struct doctor_result *out, struct note *why)
{
	struct doctor *d = v->d;
	const struct check_options options = { .repairs = wish.repairs, .is_gentle = d->config.queue != NULL, .stop = must_stop, .is_live = d->config.queue || d->queue_db ? is_live : NULL, .arg = v };
	struct check_report report;
	struct mailstore *m;
	enum err e = store_open_known(d->config.store, account_id, &m, why);

	*out = (struct doctor_result){ .faults = 0 };
	if (e)
		return e;
	check_report_init(&report);
	arena_init(&v->arena, QUEUE_ARENA_MAX);
	e = wish.restored ? store_renew(m) : ERR_OK;
	if (!e && wish.restored)
		log_event(LOG_INFO, "doctor", "renewed", "account=%" PRIu64, account_id);
	out->is_renewed = wish.restored && !e;
	if (!e)
		e = store_check_account(m, &options, &report, why);
	arena_clear(&v->arena);
	if (!e && wish.repairs)
		forget_readers(d, m, account_id);
	store_close(&m);
	describe(&report, out);
	keep(d, account_id, wish.repairs, &report, out);
	tell(d, account_id, &report, out);
	check_report_clear(&report);
	return e;
}

/* ---- one at a time ---- */

static bool begin(struct doctor *d)
{
	bool mine = false;

	pthread_mutex_lock(&d->lock);
	while (d->is_checking && !d->stopping)
		pthread_cond_wait(&d->changed, &d->lock);
	if (!d->stopping)
		mine = d->is_checking = true;
	pthread_mutex_unlock(&d->lock);
	return mine;
}

static void end(struct doctor *d)
{
	pthread_mutex_lock(&d->lock);
	d->is_checking = false;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

enum err doctor_check(struct doctor *d, uint64_t account_id, struct doctor_wish wish, bool (*stop)(void *arg), void *arg, struct doctor_result *out, struct note *why)
{
	struct visit v = { .d = d, .stop = stop, .arg = arg };
	enum err e = ERR_STATE;

	*out = (struct doctor_result){ .faults = 0 };
	atomic_fetch_add(&d->wanted, 1);
	if (begin(d)) {
		e = check(&v, account_id, wish, out, why);
		end(d);
	} else {
		note_set(why, "interrupted");
	}
	atomic_fetch_sub(&d->wanted, 1);
	return e;
}

/* ---- nights ---- */

static bool is_wanted(void *arg)
{
	const struct doctor *d = arg;

	return atomic_load_explicit(&d->wanted, memory_order_relaxed) > 0;
}

static enum err next_account(struct db *db, void *arg)
{
	return db_check_next(db, arg);
}

static enum err note_visit(struct db *db, void *arg)
{
	const struct db_check row = { .account = *(const uint64_t *)arg, .at_ms = clock_real_ms(), .is_whole = true, .repairs = true, .findings = SPAN("[]") };

	return db_check_put(db, &row);
}

static void check_tonight(struct doctor *d)
{
	struct visit v = { .d = d, .stop = is_wanted, .arg = d };
	struct doctor_result result;
	struct note why = { "" };
	uint64_t account = 0;
	enum err e = directory_read(d->config.directory, next_account, &account);

	if (!e && !begin(d))
		e = ERR_STATE;
	if (e)
		return;
	e = check(&v, account, (struct doctor_wish){ .repairs = true }, &result, &why);
	end(d);
	if (e == ERR_NOT_FOUND) /* an account without a mailbox: done for now */
		e = directory_write(d->config.directory, note_visit, &account, &why);
	if (e && e != ERR_STATE)
		log_event(LOG_ERROR, "doctor", "not_checked", "account=%" PRIu64 " result=%s why=%s", account, err_name(e), log_quote(span_str(why.text)).text);
}

static bool is_busy(void)
{
	double load;

	return getloadavg(&load, 1) == 1 && load > (double)sysconf(_SC_NPROCESSORS_ONLN);
}

static void *run(void *arg)
{
	struct doctor *d = arg;
	int64_t (*next)(int64_t now_ms) = d->config.next_night ? d->config.next_night : night_next;
	int64_t night_ms = next(clock_real_ms()), due_ms = night_ms;

	(void)setpriority(PRIO_PROCESS, 0, NICE); /* on Linux: of this thread */
	(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_LOWEST);
	while (!atomic_load(&d->stopping)) {
		int64_t now_ms = clock_real_ms(), left_ms = due_ms - now_ms;

		if (left_ms > 0 || atomic_load(&d->wanted)) {
			pthread_mutex_lock(&d->lock);
			if (!d->stopping)
				(void)wait_for(&d->changed, &d->lock, left_ms > 0 && left_ms < LOOK_MS ? left_ms : LOOK_MS);
			pthread_mutex_unlock(&d->lock);
			continue;
		}
		if (now_ms - night_ms < NIGHT_MS && is_busy() && !d->config.next_night) {
			due_ms = now_ms + BUSY_MS;
			continue;
		}
		if (now_ms - night_ms < NIGHT_MS)
			check_tonight(d);
		night_ms = due_ms = next(clock_real_ms());
	}
	return NULL;
}

/* ---- its life ---- */

static enum err open_queue(struct doctor *d, struct note *why)
{
	enum err e;

	if (d->config.queue || !d->config.queue_path)
		return ERR_OK;
	e = db_open(d->config.queue_path, &db_schema_queue, DB_READ, &d->queue_db, why);
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err doctor_new(const struct doctor_config *config, struct doctor **out, struct note *why)
{
	struct doctor *d = calloc(1, sizeof(*d));
	enum err e;

	*out = NULL;
	if (!d || wait_init(&d->changed)) {
		free(d);
		return ERR_TEMP;
	}
	d->config = *config;
	pthread_mutex_init(&d->lock, NULL);
	e = open_queue(d, why);
	if (!e && config->has_nights && pthread_create(&d->thread, NULL, run, d) != 0) {
		note_set(why, "no thread for checks");
		e = ERR_TEMP;
	}
	d->runs = !e && config->has_nights;
	if (e)
		doctor_free(&d);
	*out = d;
	return e;
}

void doctor_stop(struct doctor *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	if (d->runs)
		pthread_join(d->thread, NULL);
	d->runs = false;
}

void doctor_free(struct doctor **doctor)
{
	struct doctor *d = *doctor;

	if (!d)
		return;
	doctor_stop(d);
	db_close(&d->queue_db);
	pthread_cond_destroy(&d->changed);
	pthread_mutex_destroy(&d->lock);
	free(d);
	*doctor = NULL;
}
