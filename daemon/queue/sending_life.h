/* queue/sending_life.h: the life of what counts sending, and its thread, which sleeps without work (internal to the room). */
#ifndef POSTROOM_QUEUE_SENDING_LIFE_H
#define POSTROOM_QUEUE_SENDING_LIFE_H

#include "daemon/queue/sending_state.h"
#include "daemon/queue/state.h"

/* Reads who is stopped. After the files of the queue are open. */
enum err sending_open(struct queue *q, struct note *why) MUST_CHECK;
/* After the queue is loaded: mail of stopped accounts that is not held yet will be. */
enum err sending_start(struct queue *q) MUST_CHECK;
void sending_halt(struct queue *q);
/* Before the database is closed; harmless when it was not opened. */
void sending_close(struct queue *q);

struct sending_stop_facts {
	uint64_t account_id;
	const char *reason;
	char detail[SENDING_DETAIL_MAX];
	int64_t since_ms;
};
/* Of an account that is stopped in memory: the row is written, its mail held, the event raised. ERR_TEMP: the row could not be written. */
enum err sending_make_durable(struct queue *q, const struct sending_stop_facts *facts) MUST_CHECK;
void sending_tell_released(struct queue *q, uint64_t account_id, bool purged, uint64_t messages);

#endif
