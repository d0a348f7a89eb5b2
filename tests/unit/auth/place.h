/* A control.db in a folder of its own, with ann (owner) and bob (password "secret password"), and an auth on it. 192.0.2.0/24 is trusted. */
#ifndef POSTROOM_TESTS_AUTH_PLACE_H
#define POSTROOM_TESTS_AUTH_PLACE_H

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

struct place {
	char dir[64], path[96];
	struct seal_key key;
	struct directory *d;
	struct events *events;
	struct auth *auth;
	uint64_t ann, bob;
};

int place_make(void **state);
/* With clock_fake. */
int place_make_with_fake_clock(void **state);
int place_remove(void **state);

void place_start_auth(struct place *p);
struct net_addr place_ip(const char *text);

struct place_asked {
	struct auth_result result;
	int times;
	pthread_t thread;
};
void place_ask(struct place *p, enum auth_protocol protocol, struct place_asked *a, const char *login, const char *password, const char *ip);
void place_await(struct place_asked *a);
int place_times(struct place_asked *a);
/* Asks and waits. */
struct auth_result place_check(struct place *p, enum auth_protocol protocol, const char *login, const char *password, const char *ip);

/* How many events of the type there are. */
int place_events(struct place *p, enum event_type type);
/* Runs SQL on control.db, beside the directory. */
void place_sql(struct place *p, const char *sql);

#endif
