/* imap/input.h: the reader: lines and literals to whole commands. */
#ifndef POSTROOM_IMAP_INPUT_H
#define POSTROOM_IMAP_INPUT_H

#include "daemon/imap/session.h"

/* Uses as much as belongs to one command. */
enum step imap_input_feed(struct imap_session *s, struct span in, size_t *used_out, struct out *out);

/* Of session.c: parses what stands in s->line up to the announcement of a literal at its end. */
enum imap_append_try {
	APPEND_NOT_YET, /* another command, or the literal is a name */
	APPEND_READY,   /* the literal is the message; command and arguments are in s->run */
	APPEND_FAILED,  /* s->run.status and text say why */
};
enum imap_append_try imap_try_append(struct imap_session *s);

#endif
