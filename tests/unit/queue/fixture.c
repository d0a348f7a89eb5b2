#include "tests/unit/queue/fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/queue/schedule.h"
#include "db/queue_message.h"

void fixture_pause(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

void fixture_open(struct fixture *f)
{
	struct directory_config directory = { f->control, &f->key, NULL };
	struct store_config store = { .accounts_dir = f->accounts, .max_open = 4 };
	struct queue_config config = { .path = f->path, .bodies_dir = f->bodies };
	struct note why = { "" };

	if (directory_open(&directory, &f->directory, &why) || store_new(&store, &f->store, &why))
		fail_msg("%s", why.text);
	config.directory = f->directory;
	config.store = f->store;
	if (queue_open(&config, &f->queue, &why))
		fail_msg("%s", why.text);
}

void fixture_start(struct fixture *f)
{
	struct note why = { "" };

	if (queue_start(f->queue, &why))
		fail_msg("%s", why.text);
}

void fixture_close(struct fixture *f)
{
	if (f->queue)
		queue_stop(f->queue, 5000);
	queue_close(&f->queue);
	store_free(&f->store);
	directory_close(&f->directory);
}

void fixture_restart(struct fixture *f)
{
	fixture_close(f);
	fixture_open(f);
	fixture_start(f);
}

static void join(char *out, size_t size, const char *dir, const char *name)
{
	(void)snprintf(out, size, "%s/%s", dir, name);
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("$hash$") };
	const struct snapshot *s;

	clock_set_source(&clock_fake);
	log_set_level(LOG_ERROR);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/postroom-queue-XXXXXX");
	if (!mkdtemp(f->dir) || db_init())
		return -1;
	join(f->control, sizeof(f->control), f->dir, "control.db");
	join(f->path, sizeof(f->path), f->dir, "queue.db");
	join(f->bodies, sizeof(f->bodies), f->dir, "queue");
	join(f->accounts, sizeof(f->accounts), f->dir, "accounts");
	seal_key_random(&f->key);
	arena_init(&f->arena, 256u << 20);
	fake_relay_set(NULL);
	fixture_open(f);
	assert_int_equal(directory_setup(f->directory, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(f->directory, SPAN("bob@example.test"), SPAN("$hash$"), ROLE_USER, &f->bob, NULL), ERR_OK);
	s = directory_hold(f->directory);
	f->ann = snapshot_account_by_login(s, SPAN("ann@example.test"))->id;
	snapshot_release(&s);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	arena_clear(&f->arena);
	(void)nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

void fixture_alias(struct fixture *f, const char *address, const char *target)
{
	struct span to[8], rest = span_str(target);
	size_t count = 0;

	while (count < 8 && span_split(&rest, ' ', &to[count]))
		count++;
	assert_int_equal(directory_alias_add(f->directory, span_str(address), to, count, NULL), ERR_OK);
}

struct outcome_wait {
	pthread_mutex_t lock;
	pthread_cond_t told;
	bool done;
	enum err result;
};

static void committed(void *arg, enum err result)
{
	struct outcome_wait *w = arg;

	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->result = result;
	pthread_cond_signal(&w->told);
	pthread_mutex_unlock(&w->lock);
}

static enum err add_body(struct accept *a, size_t size)
{
	char line[1000];
	enum err e = ERR_OK;

	memset(line, 'x', sizeof(line));
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	for (size_t sent = 0; !e && sent < size; sent += sizeof(line))
		e = accept_add(a, span_make(line, sizeof(line)));
	return e;
}

enum err fixture_accept(struct fixture *f, const struct mail *mail, struct queue_id *id_out)
{
	struct outcome_wait w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, ERR_OK };
	struct span recipients[QUEUE_MAX_RECIPIENTS];
	struct accept_wish wishes[QUEUE_MAX_RECIPIENTS];
	struct accept_envelope envelope = { .wishes = wishes, .priority = mail->priority, .release_ms = mail->release_ms, .deliver_by_ms = mail->deliver_by_ms, .deliver_by = mail->deliver_by, .source = mail->source, .reverse_path = span_str(mail->from), .recipients = recipients, .trace = SPAN("Received: from here by mail.example.test\r\n") };
	struct accept *a;
	enum err e;

	envelope.account_id = mail->source == FROM_SUBMISSION ? f->bob : 0;
	queue_id_new(&envelope.id);
	for (size_t i = 0; mail->many ? i < mail->many : i < 4 && mail->to[i]; i++) {
		recipients[i] = mail->many ? arena_printf(&f->arena, "r%zu@other.test", i) : span_str(mail->to[i]);
		wishes[i] = (struct accept_wish){ .notify = mail->notify };
		envelope.recipient_count++;
	}
	assert_int_equal(accept_begin(f->queue, &a), ERR_OK);
	e = accept_add(a, mail->header ? span_str(mail->header) : SPAN("From: <eve@other.test>\r\nTo: you\r\nSubject: hello\r\nMessage-ID: <1@other.test>\r\n\r\n"));
	if (!e)
		e = mail->body_size ? add_body(a, mail->body_size) : accept_add(a, SPAN("Good day.\r\n"));
	if (!e)
		e = accept_seal(a, &envelope, NULL);
	if (e) {
		accept_end(&a);
		return e;
	}
	*id_out = envelope.id;
	accept_commit(&a, committed, &w);
	assert_null(a);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.told, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return w.result;
}

struct queue_id fixture_send(struct fixture *f, const struct mail *mail)
{
	struct queue_id id;

	assert_int_equal(fixture_accept(f, mail, &id), ERR_OK);
	return id;
}

static uint64_t open_inbox(struct fixture *f, uint64_t account_id, struct mailstore **m)
{
	struct mailbox_info info;

	assert_int_equal(store_open(f->store, account_id, m, NULL), ERR_OK);
	assert_int_equal(mailbox_find(*m, SPAN("INBOX"), &f->arena, &info), ERR_OK);
	return info.id;
}

uint32_t fixture_count(struct fixture *f, uint64_t account_id)
{
	struct mailstore *m;
	struct view *v;
	uint32_t count;

	uint64_t inbox = open_inbox(f, account_id, &m);

	assert_int_equal(view_open(m, inbox, 0, &v), ERR_OK);
	count = view_count(v);
	view_close(&v);
	store_close(&m);
	return count;
}

void fixture_wait_count(struct fixture *f, uint64_t account_id, uint32_t count)
{
	WAIT_UNTIL(fixture_count(f, account_id) >= count);
	assert_int_equal(fixture_count(f, account_id), count);
}

void fixture_wait_empty(struct fixture *f)
{
	WAIT_UNTIL(queue_stats(f->queue).messages == 0);
}

struct copy {
	struct arena *arena;
	struct span text;
};

static bool copy_row(void *arg, const struct message_row *row)
{
	struct copy *c = arg;
	struct buf text;

	buf_init(&text, 64u << 20);
	buf_add(&text, row->prefix);
	buf_add(&text, row->head);
	buf_add(&text, row->body.bytes);
	if (row->body.path) {
		FILE *file = fopen(row->body.path, "r");
		char piece[4096];
		size_t got;

		if (!file)
			fail_msg("%s is not there", row->body.path);
		while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
			buf_add(&text, span_make(piece, got));
		(void)fclose(file);
	}
	c->text = arena_copy(c->arena, buf_span(&text));
	buf_clear(&text);
	return false;
}

struct span fixture_read(struct fixture *f, uint64_t account_id, uint32_t sequence)
{
	struct copy c = { &f->arena, { NULL, 0 } };
	struct mailstore *m;
	struct view *v;
	struct uid_range range;
	uint32_t last;
	bool end;

	uint64_t inbox = open_inbox(f, account_id, &m);

	assert_int_equal(view_open(m, inbox, 0, &v), ERR_OK);
	range.first = range.last = view_uid_of(v, sequence);
	assert_int_equal(view_read(v, &(struct uid_set){ &range, 1 }, 0, WANT_HEAD | WANT_BODY, copy_row, &c, &last, &end), ERR_OK);
	view_close(&v);
	store_close(&m);
	assert_true(c.text.len > 0);
	return c.text;
}

static enum err count_row(void *arg, const struct queue_row *row, const struct queue_recipient_row *recipient)
{
	(void)row;
	(void)recipient;
	(*(size_t *)arg)++;
	return ERR_OK;
}

size_t fixture_rows(struct fixture *f)
{
	struct db *db;
	size_t count = 0;

	assert_int_equal(db_open(f->path, &db_schema_queue, DB_READ, &db, NULL), ERR_OK);
	assert_int_equal(db_queue_scan(db, count_row, &count), ERR_OK);
	db_close(&db);
	return count;
}

size_t fixture_files(struct fixture *f)
{
	DIR *dir = opendir(f->bodies);
	const struct dirent *e;
	size_t count = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL)
		count += e->d_name[0] != '.';
	closedir(dir);
	return count;
}

void fixture_advance(struct fixture *f, int64_t ms)
{
	clock_fake_advance_ms(ms);
	schedule_poke(f->queue);
}

enum err fixture_steer(struct fixture *f, const struct queue_id *id, enum queue_action action)
{
	struct queue_order order = { .action = action };

	return queue_steer(f->queue, id, &order, NULL, NULL);
}
