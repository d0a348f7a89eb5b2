/* tests/unit/queue/fixture.h: a queue with a real directory and store in a temporary folder, and other servers that a test scripts.
 *
 * The clock is the fake one. ann@example.test owns the place, bob@example.test is a user.
 */
#ifndef POSTROOM_TESTS_QUEUE_FIXTURE_H
#define POSTROOM_TESTS_QUEUE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/base/clock.h"
#include "daemon/crypto/seal.h"
#include "daemon/directory/manage.h"
#include "daemon/queue/queue.h"
#include "daemon/relay/relay.h"
#include "daemon/store/view.h"

struct fixture {
	char dir[64], control[96], path[96], bodies[96], accounts[96];
	struct seal_key key;
	struct directory *directory;
	struct store *store;
	struct queue *queue;
	uint64_t ann, bob;
	struct arena arena;
};

int fixture_setup(void **state); /* opened, not started */
int fixture_teardown(void **state);
void fixture_open(struct fixture *f);
void fixture_start(struct fixture *f);
/* Stops and closes what is running: as if the process had ended. */
void fixture_close(struct fixture *f);
void fixture_restart(struct fixture *f); /* close, open, start */
void fixture_alias(struct fixture *f, const char *address, const char *target);

struct mail {
	const char *from;
	const char *to[4];
	unsigned many; /* instead: r0@other.test, r1@other.test, so many */
	enum queue_source source;
	const char *header; /* null: a small one */
	size_t body_size;   /* 0: a small one */
	unsigned notify;    /* of each recipient */
	int priority;
	int64_t release_ms, deliver_by_ms;
	unsigned deliver_by;
};
/* Accepts; the id of what was committed. */
struct queue_id fixture_send(struct fixture *f, const struct mail *mail);
enum err fixture_accept(struct fixture *f, const struct mail *mail, struct queue_id *id_out);

/* How many messages are in the account's INBOX. */
uint32_t fixture_count(struct fixture *f, uint64_t account_id);
void fixture_wait_count(struct fixture *f, uint64_t account_id, uint32_t count);
void fixture_wait_empty(struct fixture *f); /* nothing is open in the queue */
/* Prefix, head and body of one message, in the arena. */
struct span fixture_read(struct fixture *f, uint64_t account_id, uint32_t sequence);
size_t fixture_rows(struct fixture *f); /* recipients in queue.db */
size_t fixture_files(struct fixture *f);
enum err fixture_steer(struct fixture *f, const struct queue_id *id, enum queue_action action); /* all of the message */
/* Moves the clock and tells the scheduler. */
void fixture_advance(struct fixture *f, int64_t ms);

/* Other servers: each attempt is answered by the script, which sets the outcomes. Runs on relay threads. */
void fake_relay_set(void (*script)(struct relay_job *job));
unsigned fake_relay_attempts(void);
void fake_relay_wait_attempts(unsigned count);
void fake_relay_answer(struct relay_job *job, enum relay_outcome outcome, const char *status, const char *reply);

#define WAIT_UNTIL(condition)                                      \
	do {                                                       \
		for (int turn_ = 0; !(condition); turn_++) {       \
			if (turn_ > 20000)                         \
				fail_msg("never: %s", #condition); \
			fixture_pause();                           \
		}                                                  \
	} while (0)
void fixture_pause(void);

#endif
