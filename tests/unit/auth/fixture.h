/* A control.db in a folder of its own, with ann (owner) and bob (password "secret password"), and an auth on it. 192.0.2.0/24 is trusted. */
#ifndef POSTROOM_TESTS_AUTH_FIXTURE_H
#define POSTROOM_TESTS_AUTH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "daemon/auth/auth.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/directory/setting.h"
#include "daemon/events/events.h"

struct fixture {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	struct events *events;
	struct auth *auth;
	uint64_t ann, bob;
};

int fixture_make(void **state);
/* With clock_fake. */
int fixture_make_with_fake_clock(void **state);
int fixture_remove(void **state);

void fixture_start_auth(struct fixture *p);
struct net_addr fixture_ip(const char *text);

struct fixture_asked {
	struct auth_result result;
	int times;
	pthread_t thread;
};
void fixture_ask(struct fixture *p, enum auth_protocol protocol, struct fixture_asked *a, const char *login, const char *password, const char *ip);
void fixture_await(struct fixture_asked *a);
int fixture_times(struct fixture_asked *a);
/* Asks and waits. */
struct auth_result fixture_check(struct fixture *p, enum auth_protocol protocol, const char *login, const char *password, const char *ip);

/* How many events of the type there are. */
int fixture_events(struct fixture *p, enum event_type type);
/* Runs SQL on control.db, beside the directory. */
void fixture_sql(struct fixture *p, const char *sql);

#endif
