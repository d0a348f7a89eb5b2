#include "tests/unit/events/fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "daemon/base/log.h"
#include "db/db.h"

void place_pause(void)
{
	struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

void place_open(struct place *p)
{
	const struct trace_config trace = { .path = p->path, .directory = p->directory };
	struct events_config events = { .directory = p->directory };
	struct note why = { "" };

	if (trace_open(&trace, &p->trace, &why))
		fail_msg("%s", why.text);
	events.trace = p->trace;
	if (events_new(&events, &p->events, &why))
		fail_msg("%s", why.text);
}

void place_close(struct place *p)
{
	events_free(&p->events);
	trace_close(&p->trace);
}

int place_setup(void **state)
{
	struct directory_setup setup = { SPAN("mail.example.test"), SPAN("example.test"), SPAN("ann@example.test"), SPAN("$hash$") };
	struct place *p = calloc(1, sizeof(*p));
	struct directory_config config = { 0 };

	clock_set_source(&clock_fake);
	log_set_level(LOG_ERROR);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/postroom-events-XXXXXX");
	if (!mkdtemp(p->dir) || db_init())
		return -1;
	(void)snprintf(p->control, sizeof(p->control), "%s/control.db", p->dir);
	(void)snprintf(p->path, sizeof(p->path), "%s/trace.db", p->dir);
	seal_key_random(&p->key);
	config.path = p->control;
	config.key = &p->key;
	arena_init(&p->arena, 64u << 20);
	assert_int_equal(directory_open(&config, &p->directory, NULL), ERR_OK);
	assert_int_equal(directory_setup(p->directory, &setup, NULL), ERR_OK);
	place_open(p);
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

int place_teardown(void **state)
{
	struct place *p = *state;

	place_close(p);
	directory_close(&p->directory);
	arena_clear(&p->arena);
	(void)nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(p);
	return 0;
}
