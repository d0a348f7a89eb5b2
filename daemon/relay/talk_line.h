/* relay/talk_line.h: one dialogue's state, and sending and reading in it, for the files talk*.c. */
#ifndef POSTROOM_RELAY_TALK_LINE_H
#define POSTROOM_RELAY_TALK_LINE_H

#include "daemon/base/buf.h"
#include "daemon/relay/convert.h"
#include "daemon/relay/inside.h"
#include "daemon/relay/kept.h"
#include "daemon/relay/talk.h"

struct talk {
	const struct talk_setup *setup;
	struct relay *relay;
	struct relay_job *job;
	struct results *results;
	struct failure *why;
	const struct tls_plan *plan;
	struct kept_link link;
	struct note note;
	struct answer answer;
	bool reused;             /* the connection was kept, and MAIL is not answered yet */
	bool broken;             /* not even QUIT can be said: lost, or in the middle of the content */
	bool odd;                /* some answer was not as it should be: not to be kept */
	bool eightbit;           /* BODY=8BITMIME */
	bool binary;             /* BODY=BINARYMIME */
	struct convert *convert; /* null: the message goes as it is */
	size_t *chosen;          /* recipients of this transaction, job arena */
	size_t chosen_count, accepted_count;
	bool *accepted;         /* one a recipient, job arena */
	struct failure put_off; /* of recipients for which there was no more room in a transaction */
	bool has_put_off;
};

/* The connection is of no use any more: TALK_NEXT, or TALK_FRESH for one that was kept. */
enum talk_end talk_lost(struct talk *t, const char *where, enum err e);
/* The host said no, as `answer` has it. */
enum talk_end talk_refused(struct talk *t);
/* What is left of a step's time. */
int64_t talk_step_ms(const struct talk *t, int64_t timeout_ms);
/* line: as answer_read(). */
enum err talk_read_lines(struct talk *t, int64_t timeout_ms, void (*line)(void *arg, struct span text), void *arg) MUST_CHECK;
enum err talk_read(struct talk *t, int64_t timeout_ms) MUST_CHECK;
/* Before something is said that will be answered. ERR_SYNTAX: there is an answer already, and each further one would be taken for that to another command. */
enum err talk_silent(struct talk *t) MUST_CHECK;
/* Buffered; goes out before the next answer is read. */
enum err talk_send(struct talk *t, struct span text) MUST_CHECK;
enum err talk_send_line(struct talk *t, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* A command that stands alone, and its answer. */
enum err talk_command(struct talk *t, const char *text) MUST_CHECK;
/* For the watch: `reply` when the answer says it. */
void talk_tell(const struct talk *t, const char *step, enum probe_result result, bool reply, const char *format, ...) PRINTF_LIKE(5, 6);

#endif
