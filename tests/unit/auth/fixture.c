#include "tests/unit/auth/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "db/db.h"
#include "db/stmt.h"

static struct net_cidr trusted;
static char hash_of_secret[256];

static struct span hash_once(void)
{
	struct buf out;

	buf_init(&out, 255);
	if (!hash_of_secret[0]) {
		assert_int_equal(auth_hash_password(SPAN("secret password"), &out), ERR_OK);
		(void)snprintf(hash_of_secret, sizeof(hash_of_secret), "%s", buf_cstr(&out));
	}
	buf_clear(&out);
	return span_str(hash_of_secret);
}

void fixture_start_auth(struct fixture *p)
{
	const struct auth_config config = { p->d, &trusted, 1, p->events };

	assert_int_equal(auth_new(&config, &p->auth), ERR_OK);
}

int fixture_make(void **state)
{
	static struct fixture p;
	const struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("none") };
	const struct directory_config config = { p.path, &p.key, NULL };
	struct events_config events = { NULL, NULL };
	const struct snapshot *s;

	memset(&p, 0, sizeof(p));
	(void)snprintf(p.dir, sizeof(p.dir), "/tmp/postroom-auth-XXXXXX");
	if (!mkdtemp(p.dir) || db_init())
		return -1;
	(void)snprintf(p.path, sizeof(p.path), "%s/control.db", p.dir);
	seal_key_random(&p.key);
	assert_int_equal(net_cidr_parse(SPAN("192.0.2.0/24"), &trusted), ERR_OK);
	assert_int_equal(directory_open(&config, &p.d, NULL), ERR_OK);
	assert_int_equal(directory_setup(p.d, &setup, NULL), ERR_OK);
	assert_int_equal(directory_account_add(p.d, SPAN("bob@example.test"), hash_once(), ROLE_USER, &p.bob, NULL), ERR_OK);
	s = directory_hold(p.d);
	p.ann = snapshot_account_by_login(s, SPAN("ann@example.test"))->id;
	snapshot_release(&s);
	events.directory = p.d;
	assert_int_equal(events_new(&events, &p.events, NULL), ERR_OK);
	fixture_start_auth(&p);
	*state = &p;
	return 0;
}

int fixture_make_with_fake_clock(void **state)
{
	clock_set_source(&clock_fake);
	return fixture_make(state);
}

int fixture_remove(void **state)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	struct fixture *p = *state;
	char path[128];

	auth_free(&p->auth);
	events_free(&p->events);
	directory_close(&p->d);
	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(path, sizeof(path), "%s%s", p->path, suffixes[i]);
		(void)unlink(path);
	}
	clock_set_source(NULL);
	return rmdir(p->dir);
}

struct net_addr fixture_ip(const char *text)
{
	struct net_addr a;

	assert_int_equal(net_ip_parse(span_str(text), &a), ERR_OK);
	return a;
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;

static void note_answer(void *arg, const struct auth_result *result)
{
	struct fixture_asked *a = arg;

	pthread_mutex_lock(&lock);
	a->result = *result;
	a->times++;
	a->thread = pthread_self();
	pthread_cond_broadcast(&answered);
	pthread_mutex_unlock(&lock);
}

void fixture_ask(struct fixture *p, enum auth_protocol protocol, struct fixture_asked *a, const char *login, const char *password, const char *ip)
{
	const struct net_addr peer = fixture_ip(ip);

	*a = (struct fixture_asked){ .times = 0 };
	auth_check_password(p->auth, protocol, span_str(login), span_str(password), &peer, note_answer, a);
}

void fixture_await(struct fixture_asked *a)
{
	pthread_mutex_lock(&lock);
	while (!a->times)
		pthread_cond_wait(&answered, &lock);
	pthread_mutex_unlock(&lock);
}

int fixture_times(struct fixture_asked *a)
{
	int times;

	pthread_mutex_lock(&lock);
	times = a->times;
	pthread_mutex_unlock(&lock);
	return times;
}

struct auth_result fixture_check(struct fixture *p, enum auth_protocol protocol, const char *login, const char *password, const char *ip)
{
	struct fixture_asked a;

	fixture_ask(p, protocol, &a, login, password, ip);
	fixture_await(&a);
	assert_int_equal(a.times, 1);
	return a.result;
}

struct counting {
	enum event_type type;
	int count;
};

static bool count_event(void *arg, const struct event *event)
{
	struct counting *c = arg;

	c->count += event->type == c->type;
	return true;
}

int fixture_events(struct fixture *p, enum event_type type)
{
	struct counting c = { type, 0 };
	bool lost;

	assert_int_equal(events_read(p->events, 0, 10000, count_event, &c, &lost), ERR_OK);
	return c.count;
}

static enum err run_sql(struct db *db, void *arg)
{
	return db_run_script(db, arg, NULL);
}

void fixture_sql(struct fixture *p, const char *sql)
{
	assert_int_equal(directory_write(p->d, run_sql, (void *)(uintptr_t)sql, NULL), ERR_OK);
}
